import type { Offence, PeerId } from '@peergrad/core'
import { TokenBuckets } from './token-bucket.js'
import type { Rate } from './token-bucket.js'

/** So many messages above the rate are one offence. */
const EXCESS_PER_OFFENCE = 50

/** Lets each peer through at a rate, before its messages cost anything, and reports those who insist. */
export class FloodGuard {
  readonly #buckets: TokenBuckets
  readonly #excess = new Map<PeerId, number>()
  readonly #report: (peer: PeerId, offence: Offence) => void

  constructor(rate: Rate, report: (peer: PeerId, offence: Offence) => void, now?: () => number) {
    this.#buckets = new TokenBuckets(rate, now)
    this.#report = report
  }

  allows(peer: PeerId, cost = 1): boolean {
    if (this.#buckets.take(peer, cost)) return true
    const excess = (this.#excess.get(peer) ?? 0) + 1
    if (excess < EXCESS_PER_OFFENCE) this.#excess.set(peer, excess)
    else {
      this.#excess.delete(peer)
      this.#report(peer, 'flood')
    }
    return false
  }
}
