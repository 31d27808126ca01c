import assert from 'node:assert/strict'
import { PeergradError, type ErrorCode, type GradientStore, type Vector } from '@peergrad/core'

/** Stores a row under a key; a store that refuses it takes the lease back. */
export async function put(
  store: GradientStore,
  key: string,
  row: ArrayLike<number>,
  options: { ttl?: number } = {}
): Promise<void> {
  const lease = store.lease(row.length)
  lease.vector.set(row)
  await store.put(key, lease, options)
}

/** The bits of what is there now. */
export async function bitsOf(store: GradientStore, key: string): Promise<number[]> {
  const lease = await store.get(key)
  try {
    return [...words(lease.vector)]
  } finally {
    lease.release()
  }
}

export function words({ buffer, byteOffset, length }: Vector): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length)
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

/** Fails unless the call is refused with this code. */
export async function refuses(code: ErrorCode, what: string, call: () => unknown): Promise<PeergradError> {
  let thrown: unknown
  try {
    await call()
  } catch (error) {
    thrown = error
  }
  assert.notEqual(thrown, undefined, `${what}: nothing was thrown, expected the error ${code}`)
  const error = PeergradError.from(thrown)
  assert.equal(error.code, code, `${what}: got the error ${error.code} (${error.message}), expected ${code}`)
  return error
}
