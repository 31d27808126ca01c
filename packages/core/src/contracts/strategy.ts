import type { Clock } from './clock.js'
import type { Engine, Minibatch } from './engine.js'
import type { ContributionManifest } from './manifest.js'
import type { PeerId } from './mesh.js'
import type { Phase } from './metrics.js'
import type { GradientStore } from './store.js'
import type { View } from './view.js'
import type { Random } from '../random.js'

/** A tensor of this round in the own store, by key. */
export interface Contribution {
  readonly key: string
  readonly manifest: ContributionManifest
}

/**
 * What a strategy has in hand in one attempt of one round. Membership, deadlines, verification and agreement are
 * behind it: when a peer is lost the runtime aborts `signal`, makes a smaller set and calls `round` again with
 * `attempt` one higher; what `contribute` made is kept, so no gradient is computed twice.
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
  /** this peer's minibatches of this round, in order */
  readonly minibatches: readonly Minibatch[]
  /** A key in the own store that is deleted when the round is past. */
  key(name: string): string
  /** Runs `work` and adds its time to a phase. */
  measure<T>(phase: Phase, work: () => Promise<T>): Promise<T>
  /** Gradient of one minibatch into the own store under `key`. Calls may overlap: engine workers run in parallel. */
  gradient(minibatch: Minibatch, key: string): Promise<{ loss: number; samples: number }>
  /**
   * Announces what this peer gives in this round: `make` stores it and returns its key. Runs once a round; later
   * attempts get the same contribution.
   */
  contribute(make: () => Promise<{ key: string; loss: number; samples: number }>): Promise<Contribution>
  /** Waits for the agreed contributions of this attempt, in rank order. The own one is not always among them. */
  agreed(): Promise<readonly ContributionManifest[]>
  /** Pulls agreed contributions into the own store and verifies them. Returns their keys in the order asked for. */
  fetch(manifests: readonly ContributionManifest[]): Promise<string[]>
  /** key ← the run's aggregation rule over contributions in the own store, in the order given */
  aggregate(keys: readonly string[], manifests: readonly ContributionManifest[], to: string): Promise<void>
  /** The peer that carries role `index` in this attempt; roles move on when their carrier is lost. */
  role(index: number): PeerId
  /**
   * Offers a vector of the own store to the others under a label of this attempt. Returns the key under which it
   * stands here as the others will have it, after the run's codec.
   */
  publish(label: string, key: string): Promise<string>
  /** Waits for what `peer` publishes under the label, pulls and verifies it, and returns its key. */
  receive(label: string, peer: PeerId): Promise<string>
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
  /** tensor bytes that one peer sends and receives in a fault-free round, from the architecture's formula */
  traffic(init: { peers: number; rank: number; bytes: number }): { sent: number; received: number }
  round(context: RoundContext): Promise<string>
}

export type StrategyFactory = (options: Readonly<Record<string, number | string | boolean>>) => Strategy
