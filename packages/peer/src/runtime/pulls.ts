import { layoutLength, PeergradError, type Digest, type PeerId } from '@peergrad/core'
import { orAborted, pause } from '../deferred.js'
import type { ExchangeParts } from './round-services.js'
import type { Shape } from './shape.js'
import type { Packed, PullRequest } from './vectors.js'

/** Times that the other members are asked for what its owner cannot be asked for, and milliseconds between them. */
const RELAYS = 4
const RELAY_PAUSE = 100
/** Other members that are asked for one vector, at most. */
const OTHERS = 16

/** Content of one round that others hold: who is asked for it, in which order, and for how long. */
export class Pulls {
  readonly #parts: ExchangeParts
  /** who waits for what a member alone is sure to hold */
  readonly #waiting = new Set<{ readonly owner: PeerId; readonly giveUp: (error: PeergradError) => void }>()

  constructor(parts: ExchangeParts) {
    this.#parts = parts
  }

  /** The members agree that a peer is gone. */
  lose(peer: PeerId): void {
    const lost = new PeergradError('unreachable', `${peer} was lost`)
    for (const { owner, giveUp } of this.#waiting) if (owner === peer) giveUp(lost)
  }

  /** Pulls what `owner` announced and passes the offer on until the end of the next round. */
  packed(
    { digest, words }: Packed,
    shape: Shape,
    key: string,
    owner: PeerId,
    signal: AbortSignal,
    checks: Pick<PullRequest, 'maxNorm' | 'vouched'> = {}
  ): Promise<void> {
    const { services, init } = this.#parts
    return this.#fromOwner(owner, signal, (request) =>
      services.vectors.pullPacked({ digest, words, shape, key, ...checks, ...request }, init.round + 1)
    )
  }

  /** As `packed`, for words that need not be numbers. */
  words(
    { digest, words: length }: Packed,
    key: string,
    owner: PeerId,
    signal: AbortSignal,
    checks: Pick<PullRequest, 'vouched'>
  ): Promise<void> {
    const { services, init } = this.#parts
    return this.#fromOwner(owner, signal, async (request) => {
      await services.vectors.pull({ digest, length, key, bits: true, ...checks, ...request })
      await services.vectors.offer(key, init.round + 1, digest)
    })
  }

  /** Pulls an outcome from those who say that they hold it, or else from anybody, and passes the offer on. */
  async outcome(
    outcome: Digest,
    { key, until, holders }: { key: string; until: number; holders: readonly PeerId[] },
    signal: AbortSignal
  ): Promise<void> {
    const { vectors, engine, self } = this.#parts.services
    // half of the members may come to it at once: not all to the same
    const place = Math.max(0, this.#parts.init.view.members.indexOf(self)) % Math.max(1, holders.length)
    const from = this.#askFirst(...holders.slice(place), ...holders.slice(0, place))
    // of the others nobody said anything
    const vouched = holders.length > 0
    await vectors.pull({ digest: outcome, length: layoutLength(engine.layout), key, from, signal, vouched })
    await vectors.offer(key, until, outcome)
  }

  /**
   * Pulls what `owner` announced, from it or from whoever has it already. While the owner is there for the others but
   * not for this peer, they are asked again for a moment: they may be about to have it.
   */
  #fromOwner(
    owner: PeerId,
    signal: AbortSignal,
    pull: (request: { from: readonly PeerId[]; signal: AbortSignal }) => Promise<void>,
    tries = 0
  ): Promise<void> {
    const from = this.#askFirst(owner)
    const pulled = pull({ from, signal: this.#parts.effects.ended })
    return this.#whileThere(owner, pulled, signal).catch(async (thrown: unknown) => {
      const { clock, lost, self } = this.#parts.services
      const error = PeergradError.from(thrown)
      const { peers, liars } = error.data as { peers?: PeerId[]; liars?: PeerId[] }
      const blame = peers === undefined && error.code === 'unreachable' ? { peers: [owner] } : undefined
      if (blame !== undefined) throw new PeergradError('unreachable', error.message, blame, { cause: error })
      const relays = error.code === 'unreachable' && (liars ?? []).length === 0
      if (!relays || tries === RELAYS || from.length < 2 || lost(owner)) {
        if (owner !== self || peers === undefined) throw error
        // what an earlier process of this peer gave is gone, and nobody lied
        throw new PeergradError('unreachable', error.message, { peers: [self] }, { cause: error })
      }
      await pause(clock, RELAY_PAUSE, signal)
      await this.#fromOwner(owner, signal, pull, tries + 1)
    })
  }

  /** Settles with the pull, and rejects before that when the signal aborts or the owner is lost. The pull goes on. */
  #whileThere(owner: PeerId, pull: Promise<void>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { owner, giveUp: reject }
      this.#waiting.add(waiting)
      void orAborted(pull, signal)
        .then(resolve, reject)
        .then(() => this.#waiting.delete(waiting))
    })
  }

  /** These first, then others, from the one after them on: content is named by its digest, so any holder will do. */
  #askFirst(...first: PeerId[]): PeerId[] {
    const { services, init } = this.#parts
    const { members } = init.view
    const start = members.indexOf(first[0]) + 1
    const others: PeerId[] = []
    for (let i = 0; i < members.length && others.length < OTHERS; i++) {
      const peer = members[(start + i) % members.length]
      if (peer !== services.self && !first.includes(peer) && !services.lost(peer)) others.push(peer)
    }
    return [...first, ...others]
  }
}
