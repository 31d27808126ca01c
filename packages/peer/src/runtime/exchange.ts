import {
  layoutLength,
  PeergradError,
  random,
  seedOf,
  spanOf,
  type Clock,
  type ContributionManifest,
  type ControlMessage,
  type Digest,
  type Engine,
  type GradientStore,
  type Minibatch,
  type Part,
  type PeerId,
  type Phase,
  type PhaseTimes,
  type PluginReference,
  type RunManifest,
  type Strategy,
  type View
} from '@peergrad/core'
import { checkAborted, deferred, orAborted } from '../deferred.js'
import { readIndex, writeIndex, WORDS_PER_PART } from './part-index.js'
import type { OwnVectors } from './own-vectors.js'
import type { Packed, Shape, VectorExchange } from './vectors.js'

/** What outlives a round. */
export interface RoundServices {
  readonly run: string
  readonly manifest: RunManifest
  readonly self: PeerId
  readonly engine: Engine
  readonly store: GradientStore
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** what contributions go through before it, in order */
  readonly preAggregators?: readonly PluginReference[]
  /** what of a contribution is worth sending; all of it when left out */
  readonly filter?: PluginReference
  readonly own: OwnVectors
  readonly clock: Clock
  readonly vectors: VectorExchange
  /** the contribution that this peer announced in a round, by round */
  readonly announced: Map<number, Digest>
  readonly send: (message: ControlMessage) => void
  readonly sha256: (text: string) => Digest
  /** whether the members agree that a peer is gone */
  readonly lost: (peer: PeerId) => boolean
  readonly onPhase: (round: number, phase: Phase) => void
}

export interface ExchangeInit {
  readonly round: number
  readonly view: View
  /** store key of the model state that the round starts from */
  readonly state: string
  readonly minibatches: readonly Minibatch[]
  /** optimiser steps before this round */
  readonly steps: number
  /** of an optimiser step, from 1 */
  readonly learningRate: (step: number) => number
}

/** What of the exchange the round has to know. */
export interface ExchangeEffects {
  send(message: ExchangeMessage): void
  /** the own contribution is stored and may be fetched */
  contributed(manifest: ContributionManifest): void
  /** aborts when the round is over */
  readonly ended: AbortSignal
}

type WithoutRound<T> = T extends unknown ? Omit<T, 'run' | 'round'> : never
type DerivedMessage = Extract<ControlMessage, { kind: 'derived' }>
export type ExchangeMessage = WithoutRound<Extract<ControlMessage, { kind: 'manifest' }> | DerivedMessage>

export interface Contributed {
  /** as the others have it */
  readonly key: string
  /** each by itself, when it was cut into several */
  readonly parts: readonly string[]
  readonly manifest: ContributionManifest
}

/** Rounds after its own for which an outcome can be fetched. */
export const RETENTION = 2
/** Derived vectors of each member that are remembered. */
const DERIVED = 32
/** Times that the other members are asked for what its owner cannot be asked for, and milliseconds between them. */
const RELAYS = 4
/** Other members that are asked for one vector, at most. */
const OTHERS = 16
const RELAY_PAUSE = 100

/** What a strategy does in one round with vectors: gives its own, reads those of others, aggregates, hands on. */
export class Exchange {
  readonly services: RoundServices
  readonly init: ExchangeInit
  readonly phases: PhaseTimes = {}
  readonly #effects: ExchangeEffects
  readonly #derived = new Map<string, Packed & { readonly length: number }>()
  readonly #derivedWaiters = new Set<() => void>()
  /** members that cannot publish in a ballot, and because of whom */
  readonly #unable = new Map<PeerId, { readonly ballot: number; readonly peers: readonly PeerId[] }>()
  /** abort the transfers under way of what a member alone is sure to hold */
  readonly #owners = new Map<PeerId, Set<AbortController>>()
  #packed: { readonly bytes: number; readonly whole: number } | undefined
  #contribution: Promise<Contributed> | undefined

  constructor(services: RoundServices, init: ExchangeInit, effects: ExchangeEffects) {
    this.services = services
    this.init = init
    this.#effects = effects
    const end = () => {
      for (const owner of this.#owners.keys()) this.#cut(owner, effects.ended.reason)
    }
    effects.ended.addEventListener('abort', end, { once: true })
  }

  get round(): number {
    return this.init.round
  }

  /** Bytes of the own contribution as others fetch it, and as float32 that nothing was left out of. */
  get packed(): { readonly bytes: number; readonly whole: number } | undefined {
    return this.#packed
  }

  /** A vector that a member made in this round. */
  announced(from: PeerId, { ballot, label, digest, words, length }: DerivedMessage): void {
    if (this.#derived.size >= DERIVED * this.init.view.members.length) return
    this.#derived.set(derivedKey(ballot, label, from), { digest, words, length })
    this.wake()
  }

  /** A member could not make the exchange of the ballot: who waits for what it publishes there need not. */
  failed(from: PeerId, ballot: number, peers: readonly PeerId[]): void {
    this.#unable.set(from, { ballot, peers })
    this.wake()
  }

  /** The members agree that a peer is gone. */
  lose(peer: PeerId): void {
    this.#cut(peer, new PeergradError('unreachable', `${peer} was lost`))
    this.wake()
  }

  /** Whoever waits for a vector looks again whether it may still come. */
  wake(): void {
    for (const wake of this.#derivedWaiters) wake()
  }

  async measure<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    this.services.onPhase(this.round, phase)
    const start = this.services.clock.now()
    try {
      return await work()
    } finally {
      this.phases[phase] = (this.phases[phase] ?? 0) + this.services.clock.now() - start
    }
  }

  key(name: string): string {
    return `round:${this.round}:${name}`
  }

  /** Random numbers of the round, the same on every peer. */
  get random() {
    return random(this.services.manifest.seed, 'round', this.round)
  }

  /** Stores and announces what this peer gives, once. */
  contribute(make: () => Promise<{ key: string; loss: number; samples: number }>, parts = 1): Promise<Contributed> {
    this.#contribution ??= (async () => {
      const { key, loss, samples } = await make()
      const { services, round } = this
      const verdict = await services.store.verify(key)
      if (verdict.firstNonFinite >= 0 || !Number.isFinite(loss)) {
        throw new PeergradError(
          'non-finite',
          `round ${round}: the own gradient is not finite (loss ${loss}); the training diverged: lower --lr`
        )
      }
      const { digest, words, ...offered } = await this.#give(key, parts)
      const { length } = this.#shape()
      const manifest: ContributionManifest = { peer: services.self, round, digest, words, length, samples, loss }
      const before = services.announced.get(round) ?? digest
      // a peer whose state was taken anew in this round does not contradict what it said from the other one
      if (before === digest && !this.#effects.ended.aborted) {
        services.announced.set(round, digest)
        services.announced.delete(round - 1)
        this.#effects.send({ kind: 'manifest', digest, words, length, samples, loss })
        this.#effects.contributed(manifest)
      }
      return { ...offered, manifest }
    })()
    this.#contribution.catch(() => (this.#contribution = undefined))
    return this.#contribution
  }

  /** Errors name all who could not be read, so that one try without them is enough. */
  async fetch(
    manifests: readonly ContributionManifest[],
    signal: AbortSignal,
    part: Part | undefined
  ): Promise<string[]> {
    const reads = await Promise.allSettled(
      manifests.map(async (manifest) => {
        if (manifest.peer === this.services.self) {
          const { key, parts } = await this.#ownContribution(manifest)
          return part === undefined ? key : parts[part.index]
        }
        const key = this.key(`from:${manifest.peer}:${manifest.digest}`)
        if (part === undefined) {
          await this.#pullPacked(manifest, this.#shape(), key, manifest.peer, signal)
          return key
        }
        const index = await this.#partIndex(manifest, part.of, `${key}:index`, signal)
        await this.#pullPacked(index[part.index], this.#shape(part), `${key}:${part.index}`, manifest.peer, signal)
        return `${key}:${part.index}`
      })
    )
    const failures = reads.flatMap((read) => (read.status === 'rejected' ? [PeergradError.from(read.reason)] : []))
    const fatal = failures.find(({ data }) => data.peers === undefined)
    if (fatal !== undefined) throw fatal
    const blamed = (name: 'peers' | 'liars') => failures.flatMap(({ data }) => (data[name] ?? []) as PeerId[])
    if (failures.length > 0) {
      const data = { peers: blamed('peers'), liars: blamed('liars') }
      throw new PeergradError('unreachable', failures.map(({ message }) => message).join('; '), data)
    }
    return reads.flatMap((read) => (read.status === 'fulfilled' ? [read.value] : []))
  }

  async aggregate(
    keys: readonly string[],
    manifests: readonly ContributionManifest[],
    to: string,
    part: Part | undefined
  ): Promise<void> {
    const { store, aggregator, preAggregators = [], manifest } = this.services
    await store.aggregate({
      from: keys,
      to,
      rule: aggregator,
      pre: preAggregators,
      samples: manifests.map(({ samples }) => samples),
      parameters: this.#shape(part).parameters,
      seed: seedOf(manifest.seed, 'aggregate', this.round)
    })
  }

  async publish(ballot: number, label: string, key: string, part: Part | undefined): Promise<string> {
    const shape = this.#shape(part)
    const { digest, words, key: shared } = await this.services.vectors.offerPacked(key, shape, this.round + 1)
    this.#effects.send({ kind: 'derived', ballot, label, digest, words, length: shape.length })
    return shared
  }

  async receiveDerived(
    ballot: number,
    label: string,
    peer: PeerId,
    signal: AbortSignal,
    part: Part | undefined
  ): Promise<string> {
    const name = derivedKey(ballot, label, peer)
    while (!this.#derived.has(name)) {
      if (this.services.lost(peer)) {
        throw new PeergradError('unreachable', `${peer} was lost before it published ${label}`, { peers: [peer] })
      }
      const unable = this.#unable.get(peer)
      if (unable?.ballot === ballot) {
        throw new PeergradError('unreachable', `${peer} cannot publish ${label}`, { peers: unable.peers })
      }
      const woken = deferred<void>()
      this.#derivedWaiters.add(woken.resolve)
      try {
        await orAborted(woken.promise, signal)
      } finally {
        this.#derivedWaiters.delete(woken.resolve)
      }
    }
    const { length, ...packed } = this.#derived.get(name) as Packed & { length: number }
    const shape = this.#shape(part)
    if (length !== shape.length) {
      const peers = [peer]
      const message = `got a vector of ${length} floats as ${label}, expected ${shape.length}`
      throw new PeergradError('shape', message, { peers, liars: peers })
    }
    const key = this.key(`derived:${ballot}:${label}:${peer}`)
    await this.#pullPacked(packed, shape, key, peer, signal)
    return key
  }

  /** Pulls an outcome from those who say that they hold it, or else from anybody, and passes the offer on. */
  async fetchOutcome(outcome: Digest, holders: readonly PeerId[], signal: AbortSignal): Promise<string> {
    const { vectors, engine } = this.services
    const key = this.key(`outcome:${outcome}`)
    const from = this.#askFirst(...holders)
    await vectors.pull({ digest: outcome, length: layoutLength(engine.layout), key, from, signal })
    await vectors.offer(key, this.round + RETENTION, outcome)
    return key
  }

  /** The own contribution, which the agreed set may hold although this attempt did not make it. */
  async #ownContribution(manifest: ContributionManifest): Promise<Contributed> {
    if (this.#contribution === undefined) {
      throw new PeergradError('missing', `round ${this.round}: ${manifest.digest} is not this peer's contribution`)
    }
    return this.#contribution
  }

  /** Offers what is sent of a contribution; what is held back, and what the codec lost, waits among the own vectors. */
  async #give(key: string, parts: number): Promise<Packed & Omit<Contributed, 'manifest'>> {
    const { filter, store, own, vectors } = this.services
    if (filter === undefined) return this.#offer(key, parts)
    const { sent, packed, rest } = await this.#filtered(key, filter)
    const offered = await this.#offer(sent, parts, packed)
    if (!vectors.feedback) return offered
    const shared = parts === 1 ? offered.key : `${key}:as-shared`
    if (parts > 1) await store.join({ from: offered.parts, to: shared })
    await store.feedback({ rest, sent, shared, parameters: this.#shape().parameters, to: own.nextKey(HELD) })
    return offered
  }

  async #filtered(key: string, filter: PluginReference): Promise<{ sent: string; packed: string; rest: string }> {
    const { store, own, engine, manifest } = this.services
    const { state, steps, learningRate } = this.init
    const { length, parameters } = this.#shape()
    const held = own.key(HELD)
    const rest = own.nextKey(HELD)
    await store.filter({
      from: key,
      ...(held !== undefined && { held }),
      state,
      to: `${key}:sent`,
      rest,
      filter,
      parameters: engine.layout.parameters,
      step: steps + 1,
      learningRate: learningRate(steps + 1),
      seed: seedOf(manifest.seed, 'filter', this.round)
    })
    await store.unpack({ from: `${key}:sent`, sparse: parameters, length, to: `${key}:filtered` })
    return { sent: `${key}:filtered`, packed: `${key}:sent`, rest }
  }

  async #offer(key: string, parts: number, packed?: string): Promise<Packed & Omit<Contributed, 'manifest'>> {
    const { store, vectors } = this.services
    if (parts === 1) {
      const offered = await vectors.offerPacked(key, this.#shape(), this.round + 1, packed)
      this.#packed = this.#sizes([offered])
      return { ...offered, parts: [offered.key] }
    }
    const offered = await Promise.all(
      Array.from({ length: parts }, async (_, index) => {
        const part = { index, of: parts }
        const to = `${key}:part:${index}`
        await store.slice({ from: key, ...spanOf(this.#shape().length, part), to })
        return vectors.offerPacked(to, this.#shape(part), this.round + 1)
      })
    )
    this.#packed = this.#sizes(offered)
    const index = store.lease(parts * WORDS_PER_PART)
    writeIndex(offered, index.vector)
    await store.put(`${key}:index`, index)
    const digest = await vectors.offer(`${key}:index`, this.round + 1)
    return { digest, words: parts * WORDS_PER_PART, key, parts: offered.map((each) => each.key) }
  }

  /** What the parts of a contribution are, as its owner says. */
  async #partIndex(
    { peer, digest, words }: ContributionManifest,
    of: number,
    key: string,
    signal: AbortSignal
  ): Promise<readonly Packed[]> {
    const { store, vectors } = this.services
    const length = of * WORDS_PER_PART
    if (words !== length) {
      const peers = [peer]
      const message = `got an index of ${words} words, expected ${length} for ${of} parts`
      throw new PeergradError('shape', message, { peers, liars: peers })
    }
    await this.#pull(peer, signal, async (request) => {
      await vectors.pull({ digest, length, key, bits: true, ...request })
      await vectors.offer(key, this.round + 1, digest)
    })
    const lease = await store.get(key)
    try {
      return readIndex(lease.vector)
    } finally {
      lease.release()
    }
  }

  #sizes(offered: readonly Packed[]): { bytes: number; whole: number } {
    return { bytes: 4 * offered.reduce((sum, { words }) => sum + words, 0), whole: 4 * this.#shape().length }
  }

  /** Of the whole model state, or of a part of it. */
  #shape(part?: Part): Shape {
    const { layout } = this.services.engine
    const length = layoutLength(layout)
    if (part === undefined) return { length, parameters: layout.parameters }
    const span = spanOf(length, part)
    const parameters = Math.min(Math.max(layout.parameters - span.offset, 0), span.length)
    return { length: span.length, parameters }
  }

  async #pullPacked(packed: Packed, shape: Shape, key: string, owner: PeerId, signal: AbortSignal): Promise<void> {
    const { digest, words } = packed
    await this.#pull(owner, signal, (request) =>
      this.services.vectors.pullPacked({ digest, words, shape, key, ...request }, this.round + 1)
    )
  }

  /**
   * Pulls what `owner` announced, from it or from whoever has it already. While the owner is there for the others but
   * not for this peer, they are asked again for a moment: they may be about to have it.
   */
  async #pull(
    owner: PeerId,
    signal: AbortSignal,
    pull: (request: { from: readonly PeerId[]; signal: AbortSignal }) => Promise<void>
  ): Promise<void> {
    const { clock } = this.services
    for (let tries = 0; ; tries++) {
      const from = this.#askFirst(owner)
      try {
        return await orAborted(
          this.#whileThere(owner, (there) => pull({ from, signal: there })),
          signal
        )
      } catch (thrown) {
        const error = PeergradError.from(thrown)
        const { peers, liars } = error.data as { peers?: PeerId[]; liars?: PeerId[] }
        const blame = peers === undefined && error.code === 'unreachable' ? { peers: [owner] } : undefined
        if (blame !== undefined) throw new PeergradError('unreachable', error.message, blame, { cause: error })
        if (error.code !== 'unreachable' || (liars ?? []).length > 0) throw error
        if (tries === RELAYS || from.length < 2 || this.services.lost(owner)) throw error
        const pause = deferred<void>()
        clock.after(RELAY_PAUSE, pause.resolve)
        await orAborted(pause.promise, signal)
      }
    }
  }

  /** The signal aborts when the round is over or the owner is lost. */
  async #whileThere<T>(owner: PeerId, work: (there: AbortSignal) => Promise<T>): Promise<T> {
    checkAborted(this.#effects.ended)
    const there = new AbortController()
    const all = this.#owners.get(owner) ?? new Set()
    this.#owners.set(owner, all.add(there))
    try {
      return await work(there.signal)
    } finally {
      all.delete(there)
    }
  }

  #cut(owner: PeerId, reason: unknown): void {
    for (const there of this.#owners.get(owner) ?? []) there.abort(reason)
  }

  /** The peer itself, then others, from the one after it on: content is named by its digest, so any holder will do. */
  #askFirst(...first: PeerId[]): PeerId[] {
    const { members } = this.init.view
    const start = members.indexOf(first[0]) + 1
    const others: PeerId[] = []
    for (let i = 0; i < members.length && others.length < OTHERS; i++) {
      const peer = members[(start + i) % members.length]
      if (!first.includes(peer) && !this.services.lost(peer)) others.push(peer)
    }
    return [...first, ...others]
  }
}

/** What a filter held back, among the own vectors. */
const HELD = 'held'

function derivedKey(ballot: number, label: string, peer: PeerId): string {
  return `${ballot}/${label}/${peer}`
}
