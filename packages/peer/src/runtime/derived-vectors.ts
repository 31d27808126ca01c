import { PeergradError, type Part, type PeerId } from '@peergrad/core'
import { deferred, orAborted } from '../deferred.js'
import { Derived } from './derived.js'
import type { Pulls } from './pulls.js'
import { roundKey, type DerivedMessage, type ExchangeParts } from './round-services.js'
import { shapeOf } from './shape.js'
import type { Packed } from './vectors.js'

/** A vector that a member has not announced. */
export interface Missing {
  readonly label: string
  readonly peer: PeerId
}

/** Vectors that members make of contributions in a ballot and hand on under a label: merged ones, sums of a ring. */
export class DerivedVectors {
  readonly #parts: ExchangeParts
  readonly #pulls: Pulls
  readonly #announced: Derived
  readonly #waiters = new Set<() => void>()
  /** what is waited for */
  readonly #missing = new Set<Missing>()
  /** members that cannot publish in a ballot, and because of whom */
  readonly #unable = new Map<PeerId, { readonly ballot: number; readonly peers: readonly PeerId[] }>()

  constructor(parts: ExchangeParts, pulls: Pulls) {
    this.#parts = parts
    this.#pulls = pulls
    this.#announced = new Derived(parts.init.view.members.length)
  }

  /** The first of what is waited for and was not announced. */
  get missing(): Missing | undefined {
    const [first] = this.#missing
    return first
  }

  announced(from: PeerId, message: DerivedMessage): void {
    this.#announced.announced(from, message)
    this.wake()
  }

  /** A member could not make the exchange of the ballot: who waits for what it publishes there need not. */
  failed(from: PeerId, ballot: number, peers: readonly PeerId[]): void {
    this.#unable.set(from, { ballot, peers })
    this.wake()
  }

  /** Whoever waits for a vector looks again whether it may still come. */
  wake(): void {
    for (const wake of this.#waiters) wake()
  }

  /** Returns the key under which the vector stands here as the others will have it. */
  async publish(ballot: number, label: string, key: string, part: Part | undefined): Promise<string> {
    const { services, init, effects } = this.#parts
    const shape = shapeOf(services.engine.layout, part)
    const { digest, words, key: shared } = await services.vectors.offerPacked(key, shape, init.round + 1)
    effects.send({ kind: 'derived', ballot, label, digest, words, length: shape.length })
    return shared
  }

  async receive(
    ballot: number,
    label: string,
    peer: PeerId,
    signal: AbortSignal,
    part: Part | undefined
  ): Promise<string> {
    const { services, init } = this.#parts
    const { length, ...packed } = await this.#wait(ballot, label, peer, signal)
    const shape = shapeOf(services.engine.layout, part)
    if (length !== shape.length) {
      const peers = [peer]
      const message = `got a vector of ${length} floats as ${label}, expected ${shape.length}`
      throw new PeergradError('shape', message, { peers, liars: peers })
    }
    const key = roundKey(init.round, `derived:${ballot}:${label}:${peer}`)
    await this.#pulls.packed(packed, shape, key, peer, signal)
    return key
  }

  /** Until the peer has announced it, or is known not to. */
  async #wait(
    ballot: number,
    label: string,
    peer: PeerId,
    signal: AbortSignal
  ): Promise<Packed & { readonly length: number }> {
    for (;;) {
      const announced = this.#announced.get(ballot, label, peer)
      if (announced !== undefined) return announced
      if (this.#parts.services.lost(peer)) {
        throw new PeergradError('unreachable', `${peer} was lost before it published ${label}`, { peers: [peer] })
      }
      const unable = this.#unable.get(peer)
      if (unable?.ballot === ballot) {
        throw new PeergradError('unreachable', `${peer} cannot publish ${label}`, { peers: unable.peers })
      }
      const woken = deferred<void>()
      const missing = { label, peer }
      this.#waiters.add(woken.resolve)
      this.#missing.add(missing)
      try {
        await orAborted(woken.promise, signal)
      } finally {
        this.#waiters.delete(woken.resolve)
        this.#missing.delete(missing)
      }
    }
  }
}
