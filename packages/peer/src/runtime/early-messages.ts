import type { ControlMessage, PeerId } from '@peergrad/core'

/** A message about a round, and the bytes in which it came: signed, but for `derived`. */
export interface RoundMessage {
  readonly message: Extract<ControlMessage, { readonly round: number }>
  readonly envelope: Uint8Array
}

/** Messages of one sender, and the bytes of all of them. */
interface Kept {
  readonly messages: RoundMessage[]
  readonly bytes: number
}

/** More than an honest peer sends about a round: messages of each sender, bytes of each, and senders. */
const LIMIT = { messages: 1024, bytes: 256 * 1024, senders: 1024 }
/** Bytes of each sender for which there is always room. What it says beyond has a place among so many bytes of all. */
const SURE = 16 * 1024
const SHARED = 16 * 1024 * 1024
/** Rounds ahead for which messages are kept. */
const AHEAD = 2

/** Messages about rounds that this peer has not reached, so many of each sender. */
export class EarlyMessages {
  readonly #senders = new Map<PeerId, Kept>()
  /** bytes of all senders beyond those for which there is always room */
  #shared = 0

  keep(from: PeerId, message: RoundMessage, now: number): void {
    if (message.message.round > now + AHEAD) return
    const { messages, bytes } = this.#senders.get(from) ?? { messages: [], bytes: 0 }
    const sum = bytes + message.envelope.byteLength
    if (messages.length >= LIMIT.messages || sum > LIMIT.bytes) return
    if (messages.length === 0 && this.#senders.size >= LIMIT.senders) return
    const shared = this.#shared + beyond(sum) - beyond(bytes)
    if (shared > SHARED) return
    this.#shared = shared
    messages.push(message)
    this.#senders.set(from, { messages, bytes: sum })
  }

  /** Messages about this round, of each sender in the order in which they came. Earlier ones are dropped. */
  take(round: number): (RoundMessage & { readonly from: PeerId })[] {
    const taken: (RoundMessage & { readonly from: PeerId })[] = []
    this.#shared = 0
    for (const [from, { messages }] of this.#senders) {
      for (const message of messages) if (message.message.round === round) taken.push({ from, ...message })
      const later = messages.filter(({ message }) => message.round > round)
      const bytes = bytesOf(later)
      this.#shared += beyond(bytes)
      if (later.length > 0) this.#senders.set(from, { messages: later, bytes })
      else this.#senders.delete(from)
    }
    return taken
  }
}

function beyond(bytes: number): number {
  return Math.max(0, bytes - SURE)
}

function bytesOf(messages: readonly RoundMessage[]): number {
  return messages.reduce((sum, { envelope }) => sum + envelope.byteLength, 0)
}
