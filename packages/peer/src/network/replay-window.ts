import type { PeerId } from '@peergrad/core'

const SEQUENCES_PER_SENDER = 1024
const SENDERS = 4096

/** A minute of numbers, by which what others pass on may be ahead of what a sender whose clock was set back has said itself. */
const AHEAD = 60_000_000

interface Window {
  readonly seen: Set<number>
  floor: number
  /** the highest number that a sender whose clock was set back has handed over itself since */
  said: number | undefined
}

/**
 * Remembers which announcements came. A sequence below the window is taken for a replay, since a sender's numbers
 * only grow, across its restarts too; unless the sender itself hands it over, whose clock was set back before it started again.
 * Of too many senders those are forgotten that have said nothing for longest.
 */
export class ReplayWindow {
  /** who spoke last is last */
  readonly #senders = new Map<PeerId, Window>()

  /** False when it came before. `own`: it came over a connection to the sender. */
  accept(from: PeerId, sequence: number, own = false): boolean {
    const window = this.#windowOf(from)
    if (own && sequence <= window.floor) {
      window.seen.clear()
      Object.assign(window, { floor: sequence - 1, said: sequence })
    }
    if (window.said !== undefined) {
      // what it said before that has higher numbers
      if (!own && sequence > window.said + AHEAD) return false
      if (own) window.said = Math.max(window.said, sequence)
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

  #windowOf(from: PeerId): Window {
    const window = this.#senders.get(from) ?? { seen: new Set(), floor: -1, said: undefined }
    this.#senders.delete(from)
    if (this.#senders.size >= SENDERS) {
      const oldest = this.#senders.keys().next()
      if (oldest.done !== true) this.#senders.delete(oldest.value)
    }
    this.#senders.set(from, window)
    return window
  }
}

/** Numbers that grow with each message, and from one start of the process to the next. */
export function sequenceSource(wall: () => number = Date.now): () => number {
  let last = 0
  return () => (last = Math.max(last + 1, wall() * 1000))
}
