import type { Digest, OptimiserSpec, PluginReference, StoreCapabilities, Trials, Verdict } from '@peergrad/core'
import type { Slab, Slabs } from './slabs.js'

/** A vector that a store keeps, wherever it lies, as long as anything refers to it. It never changes. */
export interface Tensor {
  /** floats */
  readonly length: number
  references: number
  /** known to hold neither NaN nor infinity */
  finite?: boolean
  digest?: Digest
}

/** An input with the key that messages call it by. */
export interface Named<T extends Tensor> {
  readonly key: string
  readonly tensor: T
}

export interface PlaceAggregation<T extends Tensor> {
  readonly from: readonly Named<T>[]
  readonly to: T
  readonly rule: PluginReference
  readonly pre: readonly PluginReference[]
  readonly samples: readonly number[]
  readonly parameters: number
  readonly seed: number
  readonly trials: Trials | undefined
}

export interface PlaceUpdate<T extends Tensor> {
  readonly from: T
  /** as many as the optimiser has; undefined stands for zeros */
  readonly fromState: readonly (T | undefined)[]
  readonly to: T
  readonly toState: readonly T[]
  readonly gradient: Named<T>
  readonly optimiser: OptimiserSpec
  readonly parameters: number
  readonly step: number
  readonly learningRate: number
}

export interface PlaceFilter<T extends Tensor> {
  readonly from: Named<T>
  /** undefined stands for zeros */
  readonly held: Named<T> | undefined
  readonly state: T
  readonly filter: PluginReference
  readonly parameters: number
  readonly step: number
  readonly learningRate: number
  readonly seed: number
}

export interface PlacePacking<T extends Tensor> {
  readonly from: T
  /** undefined: float32 as they are */
  readonly codec: PluginReference | undefined
  /** floats of which zeros may be left out */
  readonly sparse: number
}

export interface PlaceUnpacking<T extends Tensor> extends PlacePacking<T> {
  readonly to: T
}

export interface Term<T extends Tensor> {
  readonly tensor: T
  readonly factor: number
}

export interface PlaceFeedback<T extends Tensor> {
  readonly rest: T
  readonly sent: T
  readonly shared: T
  readonly to: T
}

/**
 * Where a driver keeps its vectors, and the dense work there. Requests are checked: lengths fit, inputs are there and
 * stay until the work is done, outputs are new and nobody else's.
 */
export interface Place<T extends Tensor> {
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** counts what is kept and what is leased */
  readonly slabs: Slabs
  /** Room for a result, with one reference. Error `full`. */
  allocate(length: number): T
  /** The last reference is gone. */
  free(tensor: T): void
  /** The tensor of a leased vector, with one reference. The lease's own one is still the caller's to release. */
  keep(slab: Slab): Promise<T>
  /** A vector of this process with the tensor's floats, with one reference. Errors `full`, `missing`, `corrupt`. */
  load(tensor: T): Promise<Slab>
  /** Whether two tensors of one length have the same bits. */
  same(a: T, b: T): Promise<boolean>
  average(from: readonly T[], to: T): Promise<void>
  aggregate(request: PlaceAggregation<T>): Promise<void>
  update(request: PlaceUpdate<T>): Promise<void>
  /** New tensors with one reference each, packed and of `parameters` floats. Error `full`. */
  filter(request: PlaceFilter<T>): Promise<{ to: T; rest: T }>
  /** A tensor with one reference that is the caller's; `from` itself when packing changes nothing. Error `full`. */
  pack(request: PlacePacking<T>): Promise<T>
  unpack(request: PlaceUnpacking<T>): Promise<void>
  slice(from: T, offset: number, to: T): Promise<void>
  join(from: readonly T[], to: T): Promise<void>
  /** to ← Σ factor·vector, in order, each operation rounded */
  combine(terms: readonly Term<T>[], to: T): Promise<void>
  feedback(request: PlaceFeedback<T>): Promise<void>
  digest(tensor: T): Promise<Digest>
  verify(tensor: T): Promise<Verdict>
  /** Work that is not done rejects. */
  close(): Promise<void>
}
