import type { PeerId } from '@peergrad/core'

const SEQUENCES_PER_SENDER = 1024
const SENDERS = 4096

/**
 * Remembers which announcements came. A sequence below the window is taken for a replay, since a sender's numbers
 * only grow, across its restarts too.
 */
export class ReplayWindow {
  readonly #senders = new Map<PeerId, { seen: Set<number>; floor: number }>()

  /** False when it came before. */
  accept(from: PeerId, sequence: number): boolean {
    let window = this.#senders.get(from)
    if (window === undefined) {
      const oldest = this.#senders.keys().next()
      if (this.#senders.size >= SENDERS && oldest.done !== true) this.#senders.delete(oldest.value)
      this.#senders.set(from, (window = { seen: new Set(), floor: -1 }))
    }
    if (sequence <= window.floor || window.seen.has(sequence)) return false
    window.seen.add(sequence)
    if (window.seen.size > SEQUENCES_PER_SENDER) {
      const lowest = Math.min(...window.seen)
      window.seen.delete(lowest)
      window.floor = lowest
    }
    return true
  }
}

/** Numbers that grow with each message, and from one start of the process to the next. */
export function sequenceSource(wall: () => number = Date.now): () => number {
  let last = 0
  return () => (last = Math.max(last + 1, wall() * 1000))
}
