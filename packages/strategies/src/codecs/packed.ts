import { PeergradError } from '@peergrad/core'

/** Error `shape` unless the packed form has the size that `length` floats make, `argument` when it starts askew. */
export function checkPacked(codec: string, packed: Uint8Array, expected: number, alignment: number): void {
  if (packed.byteLength !== expected) {
    throw new PeergradError('shape', `${codec}: got ${packed.byteLength} packed bytes, expected ${expected}`)
  }
  if (packed.byteOffset % alignment === 0) return
  const message = `${codec}: got packed bytes at offset ${packed.byteOffset}, expected a multiple of ${alignment}`
  throw new PeergradError('argument', message)
}
