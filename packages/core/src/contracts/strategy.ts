import type { Aggregator } from './aggregator.js'
import type { Clock } from './clock.js'
import type { Codec } from './codec.js'
import type { Engine, Minibatch } from './engine.js'
import type { Filter } from './filter.js'
import type { ContributionManifest } from './manifest.js'
import type { PeerId } from './mesh.js'
import type { Phase } from './metrics.js'
import type { PreAggregator } from './pre-aggregator.js'
import type { RunManifest } from './run-manifest.js'
import type { GradientStore } from './store.js'
import type { View } from './view.js'
import type { OptimiserSpec } from '../optimiser.js'
import type { Part } from '../part.js'
import type { Random } from '../random.js'

/** A tensor of this round in the own store, by key. */
export interface Contribution {
  readonly key: string
  readonly manifest: ContributionManifest
}

/**
 * What a strategy has in hand in one attempt of one round. Membership, deadlines, verification and agreement are
 * behind it: when a peer is lost the runtime aborts `signal`, makes a smaller set and calls `round` again with
 * `attempt` one higher; what `contribute` made is kept, so no gradient is computed twice. A round that is begun again from
 * a state that was taken goes on counting, for keys of its own.
 */
export interface RoundContext {
  readonly round: number
  readonly attempt: number
  readonly view: View
  readonly self: PeerId
  /** index of self in the view */
  readonly rank: number
  readonly engine: Engine
  readonly store: GradientStore
  readonly clock: Clock
  /** forked for this round, the same on every peer */
  readonly random: Random
  readonly signal: AbortSignal
  /** store key of the model state that this round starts from */
  readonly state: string
  /** the run's optimiser; that of the round's end is the strategy's `outer` where it has one */
  readonly optimiser: OptimiserSpec
  /** optimiser steps that every peer has made before this round */
  readonly steps: number
  /** of an optimiser step, from 1, by the run's schedule */
  learningRate(step: number): number
  /** this peer's minibatches of this round, in order */
  readonly minibatches: readonly Minibatch[]
  /** A key in the own store that is deleted when the round is past. */
  key(name: string): string
  /**
   * Runs `work` as one of a phase, which lasts while any work of it does. What this context does itself counts by itself:
   * `gradient` as `compute` and `store`.
   */
  measure<T>(phase: Phase, work: () => Promise<T>): Promise<T>
  /**
   * Gradient of one minibatch into the own store under `key`, at the model state of the round unless another one is
   * named. Calls may overlap: engine workers run in parallel.
   */
  gradient(minibatch: Minibatch, key: string, state?: string): Promise<{ loss: number; samples: number }>
  /** Key of a vector that this peer keeps for itself from round to round; undefined before the first `keep`. */
  own(name: string): string | undefined
  /**
   * What `own` gives in the next round: a vector of the own store, whose content is copied by reference. Called while
   * the contribution is made; forgotten when that is not among the decided ones.
   */
  keep(name: string, key: string): Promise<void>
  /**
   * Announces what this peer gives in this round: `make` stores it and returns its key. Runs once a round; later
   * attempts get the same contribution. Cut into several `parts` (see spanOf), the others may fetch any of them. A strategy
   * with `ownModels` may give a model as it was, with no samples.
   */
  contribute(make: () => Promise<{ key: string; loss: number; samples: number }>, parts?: number): Promise<Contribution>
  /** Resolves when so many members of the view have announced what they give in this round. */
  given(members: number): Promise<void>
  /**
   * Waits for work that may take longer than the round. It is what an earlier round began and did not wait for to its end, or
   * else `work`, which begins now, at the state and with the minibatches of this round. When `enough` resolves first the result
   * is undefined, and the work goes on. It is lost with the state that it began from, and when the peer ends.
   */
  lasting<T>(work: (begun: LastingContext) => Promise<T>, enough: Promise<unknown>): Promise<T | undefined>
  /**
   * Waits for the agreed contributions of this attempt, in rank order. The own one is not always among them. Error `argument`
   * before `contribute` was called: every peer gives something.
   */
  agreed(): Promise<readonly ContributionManifest[]>
  /**
   * Pulls agreed contributions, or one part of each, into the own store and verifies them. Returns their keys in the
   * order asked for.
   */
  fetch(manifests: readonly ContributionManifest[], part?: Part): Promise<string[]>
  /** key ← the run's aggregation rule over contributions, or one part of each, in the own store, in the order given */
  aggregate(keys: readonly string[], manifests: readonly ContributionManifest[], to: string, part?: Part): Promise<void>
  /** Whether the run ends with this round; known once the contributions are agreed. */
  last(): boolean
  /**
   * The agreed contributions in the order of a ring over quick links, the same at every peer: the round's coordinator found it
   * in what the peers say of their links, see `Strategy.overLinks`. In rank order where no other is much quicker.
   */
  ring(): readonly ContributionManifest[]
  /** The peer that carries role `index` in this attempt; roles move on when their carrier is lost. */
  role(index: number): PeerId
  /**
   * Offers a vector of the own store, as long as the model state or a part of it, to the others under a label of this
   * attempt. Returns the key under which it stands here as the others will have it, after the run's codec. All are
   * told of it, or `reader` alone where one is to receive it; who else waits for it asks.
   */
  publish(label: string, key: string, part?: Part, reader?: PeerId): Promise<string>
  /**
   * Waits for what `peer` publishes under the label, pulls and verifies it, and returns its key. `alone` says that not all
   * are told of it, so that it cannot come while the peer answers no question.
   */
  receive(label: string, peer: PeerId, part?: Part, alone?: boolean): Promise<string>
}

/** What work that may outlast its round has in hand: of the round in which it began, but its keys stay until the next begins. */
export type LastingContext = Pick<
  RoundContext,
  'round' | 'state' | 'minibatches' | 'store' | 'key' | 'measure' | 'gradient'
>

/** A round that is over. */
export interface RoundRecord {
  readonly round: number
  /** mean training loss over its samples */
  readonly loss: number
  /** of its view, whether they contributed in time or not */
  readonly members: number
  /** from its start to its update: without evaluation, checkpoint and catching up after it */
  readonly milliseconds: number
}

/**
 * An architecture of exchange, and nothing else: `round` moves contributions between the peers and returns the key
 * of the aggregated update in the own store. The runtime then agrees on its digest, applies it and compares hashes.
 */
export interface Strategy {
  readonly name: string
  readonly describe: string
  /** how many minibatches each peer takes in one round */
  readonly minibatches: number
  /** 'exchange' runs among peers; 'single' needs no network */
  readonly kind: 'exchange' | 'single'
  /** Why the strategy does not go with these parts of the run, as a sentence; undefined when it does. */
  refuses?(parts: {
    aggregator: Aggregator
    preAggregators: readonly PreAggregator[]
    codec: Codec
    filter: Filter | undefined
  }): string | undefined
  /**
   * Every peer has a model of its own: `round` returns its next state, as long as the model, and not an update. In the
   * last round it returns the same at all peers.
   */
  readonly ownModels?: boolean
  /** Whose contributions each of n ranks reads, where not all read all. */
  neighbours?(n: number): readonly (readonly number[])[]
  /** merges by `store.combine`, with factors of its own, and not by the run's rule: no server's database does that itself */
  readonly combines?: boolean
  /** peers say with what they give how slow their links are, for `RoundContext.ring` */
  readonly overLinks?: boolean
  /** the filter that is taken when the run names none */
  readonly filter?: string
  /** optimiser steps that a peer makes in one round; 1 when left out */
  readonly steps?: number
  /** what steps the model with the update of the round, when contributions are no gradients; else the run's optimiser */
  readonly outer?: OptimiserSpec
  /**
   * Members that the run can do without from the next round on. The coordinator of the round asks, so whoever that is
   * carries the role; `history` is what it saw of the run itself: of a long run its first and its last 5,000 rounds.
   */
  retire?(init: { view: View; history: readonly RoundRecord[] }): readonly PeerId[]
  /** tensor bytes that one peer sends and receives in a fault-free round, from the architecture's formula */
  traffic(init: { peers: number; rank: number; bytes: number; last?: boolean }): { sent: number; received: number }
  round(context: RoundContext): Promise<string>
}

export type StrategyFactory = (options: Readonly<Record<string, number | string | boolean>>) => Strategy

/** What the run calls its filter; undefined when everything is sent, and nothing of it is lost. */
export function filterOf(
  strategy: Pick<Strategy, 'filter'>,
  codec: Pick<Codec, 'feedback'>,
  { filter }: Pick<RunManifest, 'filter'>
): string | undefined {
  const name = filter === 'auto' ? (strategy.filter ?? 'none') : filter
  return name === 'none' && codec.feedback !== true ? undefined : name
}
