import type { GradientStore, Vector } from '@peergrad/core'

export async function put(store: GradientStore, key: string, row: ArrayLike<number>, ttl?: number): Promise<void> {
  const lease = store.lease(row.length)
  lease.vector.set(row)
  await store.put(key, lease, ttl === undefined ? {} : { ttl })
}

/** A copy of what is there now. */
export async function read(store: GradientStore, key: string): Promise<Vector> {
  const lease = await store.get(key)
  const copy = new Float32Array(new SharedArrayBuffer(lease.vector.byteLength))
  wordsOf(copy).set(wordsOf(lease.vector))
  lease.release()
  return copy
}

export function wordsOf(vector: Vector): Uint32Array {
  return new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
}

export function shared(row: ArrayLike<number>): Vector {
  const vector = new Float32Array(new SharedArrayBuffer(4 * row.length))
  vector.set(row)
  return vector
}

/** Floats of many magnitudes, always the same for a seed. */
export function noise(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => Math.fround(Math.sin(seed * 977 + i * 131) * 10 ** ((i % 7) - 3)))
}
