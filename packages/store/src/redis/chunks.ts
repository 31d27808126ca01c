import type { Vector } from '@peergrad/core'

/** Floats of one chunk: 1 MiB, the least that the module takes, and what moves a long vector fastest. */
export const CHUNK = 1 << 18

/** Parts of a vector in the order of their offsets, in floats; one empty part of an empty vector. */
export function chunks(vector: Vector): { offset: number; part: Vector }[] {
  const count = Math.max(1, Math.ceil(vector.length / CHUNK))
  return Array.from({ length: count }, (_, k) => ({
    offset: k * CHUNK,
    part: vector.subarray(k * CHUNK, Math.min((k + 1) * CHUNK, vector.length))
  }))
}

/** The floats as bytes, without a copy. */
export function bytesOf(vector: Vector): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
}
