import type { StoreRule } from './aggregator.js'
import type { Digest } from './digest.js'
import type { PluginReference } from './plugin.js'
import type { OptimiserSpec } from '../optimiser.js'
import type { Vector } from '../vector.js'

/** What a driver does inside the database. What it cannot, core's kernels do outside, and a metric says so. */
export interface StoreCapabilities {
  /**
   * average, applyUpdate and the rules that the database has run in it and move no vector to the caller; digests too
   * where it can compute SHA-256
   */
  readonly denseInStore: boolean
  /** rules that `aggregate` runs in the database, by `Aggregator.inStore`; `any`: also those that have no such name */
  readonly rules: 'any' | readonly StoreRule[]
  /** outlives the peer's process */
  readonly durable: boolean
}

/** A vector on loan: it does not change and is not recycled until it is released. */
export interface Lease {
  readonly vector: Vector
  release(): void
}

/** What `verify` found of a vector that came from another peer. */
export interface Verdict {
  readonly digest: Digest
  /** index of the first NaN or infinity, −1 when all are finite */
  readonly firstNonFinite: number
  /** Euclidean norm */
  readonly norm: number
}

export interface UpdateRequest {
  /** model state (parameters then buffers), optimiser state `from:state:i` beside it */
  readonly from: string
  readonly to: string
  /** aggregated contribution: gradient, then buffers that replace those of the state */
  readonly gradient: string
  readonly optimiser: OptimiserSpec
  /** trainable floats; the rest of the vector are buffers */
  readonly parameters: number
  /** optimiser step that this update makes, from 1 */
  readonly step: number
  readonly learningRate: number
}

/**
 * The peer's database: named, immutable tensors, and the work done inside it.
 *
 * Keys match /^[A-Za-z0-9._:-]{1,200}$/ (else `argument`). A key is written once: a second write of the same bytes
 * is a repeated call and changes nothing, one of other bytes is `conflict`. So a reader sees the old vector or the
 * new one and never half of each. A key that is not there is `missing`, with the list of all that are missing.
 * Writing past the byte budget is `full`, with the sum, and changes nothing. Vectors that hold a NaN or an infinity
 * are `non-finite` where a model is updated.
 */
export interface GradientStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** A vector of `length` floats to fill and then hand to `put`. Counts against the budget. */
  lease(length: number): Lease
  /** Stores a leased vector under a key and takes it over: the caller no longer writes to it. `ttl` in milliseconds. */
  put(key: string, lease: Lease, options?: { ttl?: number }): Promise<void>
  get(key: string): Promise<Lease>
  has(key: string): Promise<boolean>
  /** Deletes what is there; what is not is no error. Leases of a deleted vector stay good until released. */
  delete(keys: readonly string[]): Promise<void>
  keys(prefix: string): Promise<string[]>
  /** to ← mean of the vectors, in the order of `from` */
  average(from: readonly string[], to: string): Promise<void>
  /**
   * to ← rule(vectors). Gradient and buffers are given to the rule apart: `parameters` floats, then the rest.
   * `seed` is the round's, the same on every peer.
   */
  aggregate(request: {
    from: readonly string[]
    to: string
    rule: PluginReference
    samples: readonly number[]
    parameters: number
    seed: number
  }): Promise<void>
  /** Makes the next version of model and optimiser state. The old version stays until it is deleted. */
  applyUpdate(request: UpdateRequest): Promise<void>
  /**
   * to ← the vector as the codec packs it: ⌈codec.bytes(length) / 4⌉ floats that stand for the packed bytes, zeros
   * after them. What the codec cannot hold is its own error.
   */
  pack(request: { from: string; codec: PluginReference; to: string }): Promise<void>
  /** to ← the `length` floats that the codec makes of packed bytes. `shape` when these are of another length. */
  unpack(request: { from: string; codec: PluginReference; length: number; to: string }): Promise<void>
  digest(key: string): Promise<Digest>
  /** Digest, first non-finite element and norm in one pass. */
  verify(key: string): Promise<Verdict>
  /** bytes held now, and the budget */
  usage(): Promise<{ bytes: number; limit: number }>
  close(): Promise<void>
}
