import type { Offence, PeerId } from '@peergrad/core'
import { TokenBuckets } from './token-bucket.js'
import type { Rate } from './token-bucket.js'

/** So many messages above the rate are one offence. */
const EXCESS_PER_OFFENCE = 50
/** Of them so many a second are forgotten, so that rare ones of a long run do not add up. */
const FORGOTTEN = 1
/** Milliseconds after which nothing is left of any excess. */
const MEMORY = (EXCESS_PER_OFFENCE / FORGOTTEN) * 1000

export interface FloodRate extends Rate {
  /** messages above the burst that a stall may have held back: they are dropped, and no offence; 0 unless given */
  readonly held?: number
}

/** Lets each peer through at a rate, before its messages cost anything, and reports those who insist. */
export class FloodGuard {
  readonly #buckets: TokenBuckets
  /** the rate of who may have been held back; undefined where nobody may */
  readonly #excused: TokenBuckets | undefined
  /** who was above it last is last */
  readonly #excess = new Map<PeerId, { count: number; at: number }>()
  readonly #report: (peer: PeerId, offence: Offence) => void
  readonly #now: () => number

  constructor(
    { held = 0, burst, perSecond }: FloodRate,
    report: (peer: PeerId, offence: Offence) => void,
    now = performance.now.bind(performance)
  ) {
    this.#buckets = new TokenBuckets({ burst, perSecond }, now)
    if (held > 0) this.#excused = new TokenBuckets({ burst: burst + held, perSecond }, now)
    this.#report = report
    this.#now = now
  }

  allows(peer: PeerId, cost = 1): boolean {
    const excused = this.#excused?.take(peer, cost) === true
    if (this.#buckets.take(peer, cost)) return true
    if (!excused) this.#exceeds(peer)
    return false
  }

  #exceeds(peer: PeerId): void {
    const now = this.#now()
    const { count, at } = this.#excess.get(peer) ?? { count: 0, at: now }
    const excess = Math.max(0, count - ((now - at) / 1000) * FORGOTTEN) + 1
    this.#excess.delete(peer)
    this.#forget(now)
    if (excess < EXCESS_PER_OFFENCE) this.#excess.set(peer, { count: excess, at: now })
    else this.#report(peer, 'flood')
  }

  #forget(now: number): void {
    for (const [peer, { at }] of this.#excess) {
      if (now - at < MEMORY) return
      this.#excess.delete(peer)
    }
  }
}
