import { INDEX_ENTRY_WORDS, type Vector } from '@peergrad/core'
import type { Packed } from './vectors.js'

/*
 * A page of the index of a contribution that was cut into parts, as content that its manifest or another page names: for each
 * part the number of its words and the 32 bytes of its digest, little-endian. So each part is checked by itself, and by the
 * owner's one signature.
 */

const ENTRY_BYTES = INDEX_ENTRY_WORDS * 4

/** `into` has INDEX_ENTRY_WORDS words for each part. */
export function writePage(parts: readonly Packed[], into: Vector): void {
  const bytes = Buffer.from(into.buffer, into.byteOffset, into.byteLength)
  parts.forEach(({ digest, words }, index) => {
    const at = bytes.writeUInt32LE(words, index * ENTRY_BYTES)
    bytes.write(digest, at, 'hex')
  })
}

/** One entry of a page, from 0. */
export function readEntry(page: Vector, index: number): Packed {
  const at = index * ENTRY_BYTES
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength)
  return { words: bytes.readUInt32LE(at), digest: bytes.toString('hex', at + 4, at + ENTRY_BYTES) }
}
