import type { StoreRuleName, Trials } from './aggregator.js'
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
  /** rules that `aggregate` runs in the database, see `Aggregator.inStore`; `any`: also those that databases do not know */
  readonly rules: 'any' | readonly StoreRuleName[]
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

export interface FilterRequest {
  /** gradient, then buffers */
  readonly from: string
  /** what was held back before, `parameters` floats; zeros when left out */
  readonly held?: string
  /** model state, of the gradient's length */
  readonly state: string
  /** what is sent, packed by `sparse.ts` without a codec: the filter's part of acc, then the buffers whole */
  readonly to: string
  /** what is held back: acc − sent, `parameters` floats */
  readonly rest: string
  readonly filter: PluginReference
  /** trainable floats; the rest of the vectors are buffers */
  readonly parameters: number
  /** optimiser step of this round, from 1 */
  readonly step: number
  readonly learningRate: number
  /** the round's, the same on every peer */
  readonly seed: number
}

export interface PackRequest {
  readonly from: string
  readonly to: string
  /** float32 as they are when left out */
  readonly codec?: PluginReference
  /** The first so many floats may be zero and are then left out (`sparse.ts`), the rest goes whole. */
  readonly sparse?: number
}

export interface UnpackRequest extends PackRequest {
  /** floats of what was packed */
  readonly length: number
}

export interface CombineRequest {
  readonly terms: readonly { readonly key: string; readonly factor: number }[]
  readonly to: string
}

export interface FeedbackRequest {
  /** what the filter held back, `parameters` floats */
  readonly rest: string
  /** what was to be sent, and what the others have of it after the codec; buffers after `parameters` are ignored */
  readonly sent: string
  readonly shared: string
  readonly parameters: number
  readonly to: string
}

/**
 * The peer's database: named, immutable tensors, and the work done inside it.
 *
 * Keys match /^[A-Za-z0-9._:-]{1,200}$/ (else `argument`). A key is written once: a second write of the same bytes
 * is a repeated call and changes nothing, one of other bytes is `conflict`. So a reader sees the old vector or the
 * new one and never half of each. A key that is not there is `missing`, with the list of all that are missing, and with
 * `data.lost` where the database held it and lost it.
 * Writing past the byte budget is `full`, with the sum, and changes nothing. Vectors that hold a NaN or an infinity
 * are `non-finite` where a model is updated.
 */
export interface GradientStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** A vector of `length` floats to fill and then hand to `put`. Counts against the budget. */
  lease(length: number): Lease
  /**
   * Stores a leased vector under a key and takes it over, also when it fails: the caller neither writes to it nor releases
   * it any more. `ttl` in milliseconds.
   */
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
    /** what the parameters go through before, in order; the buffers go to the rule as they come */
    pre?: readonly PluginReference[]
    samples: readonly number[]
    parameters: number
    seed: number
    /** for a rule that judges by losses */
    trials?: Trials
  }): Promise<void>
  /** Makes the next version of model and optimiser state. The old version stays until it is deleted. */
  applyUpdate(request: UpdateRequest): Promise<void>
  /**
   * acc = held + gradient, in float32; `to` ← what the filter sends of it, `rest` ← what it does not: each coordinate goes
   * whole into one of both. Error `non-finite` when acc or the buffers are not finite, `argument` for a filter that sends
   * something else.
   */
  filter(request: FilterRequest): Promise<void>
  /**
   * to ← the vector as it is packed: ⌈codec.bytes(length) / 4⌉ words that stand for the packed bytes, zeros after them, or
   * the sparse form where that is shorter. What the codec cannot hold is its own error. Packed words are no numbers:
   * only `unpack` reads them.
   */
  pack(request: PackRequest): Promise<void>
  /**
   * to ← the `length` floats that were packed so. Errors: `shape` when the packed vector is of another length, `corrupt`
   * for a sparse form that nobody packs, whatever the bytes are, and for what `decode` of the codec throws, which
   * `data.plugin` then names. Floats that `decode` does not write are zeros; whether they are finite is not looked at.
   */
  unpack(request: UnpackRequest): Promise<void>
  /** to ← `length` floats from `offset` on. Error `shape` beyond the end. */
  slice(request: { from: string; offset: number; length: number; to: string }): Promise<void>
  /** to ← the vectors one after the other */
  join(request: { from: readonly string[]; to: string }): Promise<void>
  /** to ← Σ factor·vector, in the order given; each product and each sum is rounded to float32 */
  combine(request: CombineRequest): Promise<void>
  /** to ← rest + (sent − shared), `parameters` floats, each operation rounded: what the codec lost waits too. */
  feedback(request: FeedbackRequest): Promise<void>
  /** floats under a key; nothing is read */
  length(key: string): Promise<number>
  digest(key: string): Promise<Digest>
  /** Digest, first non-finite element and norm in one pass. */
  verify(key: string): Promise<Verdict>
  /** bytes held now, and the budget */
  usage(): Promise<{ bytes: number; limit: number }>
  close(): Promise<void>
}
