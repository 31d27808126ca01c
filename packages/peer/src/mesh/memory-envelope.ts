import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { PeergradError, type PeerId } from '@peergrad/core'

const SEAL_BYTES = 16

/**
 * Signatures of a network in memory: the network knows who sends, and seals it with a key that no peer has. So what
 * one peer sent is evidence in another's hands there too, and nobody can make it up.
 *
 * Seal 16 · length of the sender's name u8 · name · payload.
 */
export class MemoryEnvelopes {
  readonly #key = randomBytes(32)

  seal(from: PeerId, payload: Uint8Array): Uint8Array {
    const name = Buffer.from(from)
    const content = Buffer.concat([Uint8Array.of(name.byteLength), name, payload])
    return Uint8Array.from(Buffer.concat([this.#sealOf(content), content]))
  }

  /** Error `corrupt` for bytes that no peer of this network sent. */
  open(envelope: Uint8Array): { readonly from: PeerId; readonly payload: Uint8Array } {
    const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength)
    const content = bytes.subarray(SEAL_BYTES)
    if (bytes.byteLength <= SEAL_BYTES || !timingSafeEqual(bytes.subarray(0, SEAL_BYTES), this.#sealOf(content))) {
      throw new PeergradError('corrupt', `envelope: got ${bytes.byteLength} bytes that nobody sent`)
    }
    const start = 1 + content[0]
    return { from: content.toString('utf8', 1, start), payload: content.subarray(start) }
  }

  #sealOf(content: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(content).digest().subarray(0, SEAL_BYTES)
  }
}
