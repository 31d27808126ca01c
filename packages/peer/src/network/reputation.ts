import type { Offence, PeerId } from '@peergrad/core'
import { RecentSet } from './recent-set.js'

/**
 * What an offence costs. The proof of a lie about content weighs more than what a bug or a broken link can cause;
 * two signed contradictions are enough at once.
 */
export const OFFENCE_COST: Readonly<Record<Offence, number>> = {
  flood: 12,
  malformed: 30,
  oversize: 30,
  'wrong-length': 40,
  'non-finite': 40,
  // no lie: an honest gradient may be so large, in every round
  norm: 0,
  'wrong-digest': 60,
  equivocation: 120
}

/** At this score a peer is disconnected and refused for the session. */
export const EXCLUSION_SCORE = -100
/** points a second that come back, so that rare accidents of a long run do not add up */
const RECOVERY = 0.1
/** Milliseconds after which nothing is left of any score. */
const FORGOTTEN = (-EXCLUSION_SCORE / RECOVERY) * 1000
/** Peers that are remembered: whoever makes up more identities is as good as new by another one anyway. */
export const REMEMBERED = 65_536

/** Scores of peers, 0 at best, from the offences reported. */
export class Reputation {
  /** who was reported last is last */
  readonly #scores = new Map<PeerId, { score: number; at: number }>()
  readonly #excluded = new RecentSet<PeerId>(REMEMBERED)
  readonly #now: () => number

  constructor(now: () => number = performance.now.bind(performance)) {
    this.#now = now
  }

  score(peer: PeerId): number {
    if (this.#excluded.has(peer)) return EXCLUSION_SCORE
    const entry = this.#scores.get(peer)
    return entry === undefined ? 0 : Math.min(0, entry.score + ((this.#now() - entry.at) / 1000) * RECOVERY)
  }

  excluded(peer: PeerId): boolean {
    return this.#excluded.has(peer)
  }

  /** True when this offence is the one that excludes the peer. */
  report(peer: PeerId, offence: Offence): boolean {
    if (this.#excluded.has(peer)) return false
    const score = this.score(peer) - OFFENCE_COST[offence]
    this.#scores.delete(peer)
    this.#forget()
    if (score > EXCLUSION_SCORE) {
      this.#scores.set(peer, { score, at: this.#now() })
      return false
    }
    this.#excluded.add(peer)
    return true
  }

  #forget(): void {
    for (const [peer, { at }] of this.#scores) {
      if (this.#now() - at < FORGOTTEN && this.#scores.size < REMEMBERED) return
      this.#scores.delete(peer)
    }
  }
}
