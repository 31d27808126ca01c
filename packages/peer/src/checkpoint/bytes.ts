import type { Vector } from '@peergrad/core'

/** The same memory as bytes. */
export function bytesOf(vector: Vector): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}
