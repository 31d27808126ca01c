import type { Vector } from '@peergrad/core'
import type { Packed } from './vectors.js'

/*
 * The index of a contribution that was cut into parts, as content that its manifest names: for each part the number of its
 * words and the 32 bytes of its digest, little-endian. So each part is checked by itself, and by the owner's one signature.
 */

const DIGEST_BYTES = 32
export const WORDS_PER_PART = 1 + DIGEST_BYTES / 4

/** `into` has WORDS_PER_PART words for each part. */
export function writeIndex(parts: readonly Packed[], into: Vector): void {
  const bytes = bytesOf(into)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  parts.forEach(({ digest, words }, index) => {
    const at = index * WORDS_PER_PART * 4
    view.setUint32(at, words, true)
    for (let i = 0; i < DIGEST_BYTES; i++) bytes[at + 4 + i] = Number.parseInt(digest.slice(2 * i, 2 * i + 2), 16)
  })
}

export function readIndex(vector: Vector): Packed[] {
  const bytes = bytesOf(vector)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: vector.length / WORDS_PER_PART }, (_, index) => {
    const at = index * WORDS_PER_PART * 4
    const digest = bytes.subarray(at + 4, at + 4 + DIGEST_BYTES)
    return {
      words: view.getUint32(at, true),
      digest: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    }
  })
}

function bytesOf(vector: Vector): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
}
