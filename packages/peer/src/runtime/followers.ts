import type { Clock, Offence, PeerId } from '@peergrad/core'
import { FloodGuard } from '../network/flood-guard.js'

/** Rounds that decisions and outcomes are kept for one who catches up, at most. */
const MOST = 64
/** Milliseconds that a state is held for one who takes it. */
const HOLD = 120_000
/** Peers that are given the state at one time. */
const TOGETHER = 32
/** Times that one peer may ask for it: at once, and a second in the long run. Each may cost a hash of the model. */
const RATE = { burst: 20, perSecond: 8 }

interface Follower {
  /** the round that it is in, as far as is known */
  round: number
  /** lets the state go that it was offered; undefined once it has it */
  release: (() => void) | undefined
}

/**
 * Peers that catch up from what this peer keeps: the state that was offered to each, and the first round whose
 * decision and outcome one of them still needs.
 */
export class Followers {
  readonly #clock: Clock
  readonly #guard: FloodGuard
  readonly #followers = new Map<PeerId, Follower>()

  constructor(clock: Clock, report: (peer: PeerId, offence: Offence) => void) {
    this.#clock = clock
    this.#guard = new FloodGuard(RATE, report, () => clock.now())
  }

  /** Whether the peer may have the state now. */
  admits(peer: PeerId): boolean {
    const taking = [...this.#followers.values()].filter(({ release }) => release !== undefined).length
    return this.#guard.allows(peer) && (this.has(peer) || taking < TOGETHER)
  }

  /** The peer was offered the state that this round starts from. */
  add(peer: PeerId, round: number, release: () => void): void {
    this.remove(peer)
    const cancel = this.#clock.after(HOLD, () => this.remove(peer))
    this.#followers.set(peer, {
      round,
      release() {
        cancel()
        release()
      }
    })
  }

  has(peer: PeerId): boolean {
    return this.#followers.has(peer)
  }

  get peers(): readonly PeerId[] {
    return [...this.#followers.keys()]
  }

  /** The peer is in this round now; what it was given, it has. */
  reached(peer: PeerId, round: number): void {
    const follower = this.#followers.get(peer)
    if (follower === undefined) return
    follower.round = Math.max(follower.round, round)
    follower.release?.()
    follower.release = undefined
  }

  remove(peer: PeerId): void {
    this.#followers.get(peer)?.release?.()
    this.#followers.delete(peer)
  }

  /** The one who is furthest behind must take the state anew: there is no room to keep what it needs. */
  dropLast(): void {
    const [last] = [...this.#followers].sort(([, a], [, b]) => a.round - b.round)
    if (last !== undefined) this.remove(last[0])
  }

  /** The first round that somebody needs, when this peer is in round `now`: `now` when nobody does. */
  floor(now: number): number {
    for (const [peer, { round }] of this.#followers) if (now - round > MOST) this.remove(peer)
    return Math.min(now, ...[...this.#followers.values()].map(({ round }) => round))
  }

  close(): void {
    for (const peer of this.peers) this.remove(peer)
  }
}
