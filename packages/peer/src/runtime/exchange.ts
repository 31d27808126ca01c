import {
  PeergradError,
  seedOf,
  type ContributionManifest,
  type Digest,
  type Part,
  type PeerId,
  type Phase,
  type PhaseTimes,
  type Trials
} from '@peergrad/core'
import { Contributions } from './contributions.js'
import { DerivedVectors } from './derived-vectors.js'
import { OwnContribution } from './own-contribution.js'
import { PhaseTimer } from './phase-timer.js'
import { Pulls } from './pulls.js'
import { roundKey, type ExchangeEffects, type ExchangeInit, type RoundServices } from './round-services.js'
import { shapeOf } from './shape.js'
import { measureTrials } from './trials.js'
import { Turnout } from './turnout.js'

/** Rounds after its own for which an outcome can be fetched. */
export const RETENTION = 2

interface AggregateOptions {
  readonly part: Part | undefined
  readonly signal: AbortSignal
}

/** What a strategy does in one round with vectors: gives its own, reads those of others, aggregates, hands on. */
export class Exchange {
  readonly services: RoundServices
  readonly init: ExchangeInit
  readonly own: OwnContribution
  readonly contributions: Contributions
  readonly derived: DerivedVectors
  readonly turnout = new Turnout()
  readonly #pulls: Pulls
  readonly #timer: PhaseTimer
  #measured = 0

  constructor(services: RoundServices, init: ExchangeInit, effects: ExchangeEffects) {
    this.services = services
    this.init = init
    const parts = { services, init, effects }
    this.#timer = new PhaseTimer(services.clock, (phase) => services.onPhase(init.round, phase))
    this.#pulls = new Pulls(parts)
    this.own = new OwnContribution(parts, this.#timer)
    this.contributions = new Contributions(parts, this.own, this.#pulls)
    this.derived = new DerivedVectors(parts, this.#pulls)
  }

  /** milliseconds in each phase so far */
  get phases(): PhaseTimes {
    return this.#timer.times
  }

  /** The members agree that a peer is gone. */
  lose(peer: PeerId): void {
    this.#pulls.lose(peer)
    this.derived.wake()
  }

  measure<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    return this.#timer.measure(phase, work)
  }

  async aggregate(
    keys: readonly string[],
    manifests: readonly ContributionManifest[],
    to: string,
    { part, signal }: AggregateOptions
  ): Promise<void> {
    const { store, aggregator, preAggregators = [], manifest, engine, strategy } = this.services
    if (keys.length !== manifests.length) {
      const plugin = `strategy ${strategy.name}`
      const message = `${plugin}: in round ${this.init.round} aggregate() got ${keys.length} keys for ${manifests.length} contributions, expected one for each`
      throw new PeergradError('argument', message, { plugin })
    }
    const trials = await this.#trials(keys, manifests, { part, signal })
    await store.aggregate({
      from: keys,
      to,
      rule: aggregator,
      pre: preAggregators,
      // a model that made no step since it was given last says nothing new
      samples: manifests.map(({ peer, samples }) => (samples === 0 ? 0 : this.init.samples(peer))),
      parameters: shapeOf(engine.layout, part).parameters,
      // what a rule draws nobody knows before all have said what they give
      seed: seedOf(manifest.seed, 'aggregate', this.init.round, ...manifests.map(({ digest }) => digest)),
      ...(trials && { trials })
    })
  }

  /** What the rule wants measured, when it wants something. */
  async #trials(
    keys: readonly string[],
    manifests: readonly ContributionManifest[],
    { part, signal }: AggregateOptions
  ): Promise<Trials | undefined> {
    const { services, init } = this
    const { trials: request, strategy } = services
    if (request === undefined) return undefined
    if (part !== undefined) {
      const message = `strategy ${strategy.name}: got a part of contributions to aggregate, and the rule judges what whole ones do; take a rule per coordinate, or another strategy`
      throw new PeergradError('unsupported', message)
    }
    return measureTrials({ services, init, request, keys, manifests, name: `trial:${this.#measured++}`, signal })
  }

  /** Brings an outcome that others made into the own store; those that say that they hold it are asked first. */
  async fetchOutcome(outcome: Digest, holders: readonly PeerId[], signal: AbortSignal): Promise<string> {
    const { round } = this.init
    const key = roundKey(round, `outcome:${outcome}`)
    await this.#pulls.outcome(outcome, { key, until: round + RETENTION, holders }, signal)
    return key
  }
}
