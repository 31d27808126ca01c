import type { Layout } from './layout.js'
import type { Vector } from '../vector.js'

/** Which samples of the training split one gradient is taken over. */
export interface Minibatch {
  /** sample numbers in the training split */
  readonly samples: Uint32Array
  /** seed of everything random in this minibatch (augmentation, dropout) */
  readonly seed: number
}

export interface GradientRequest {
  /** parameters + buffers floats; read only */
  readonly state: Vector
  readonly minibatch: Minibatch
  /**
   * Where the result goes: the mean gradient over the minibatch in the first `layout.parameters` floats, then the
   * buffers as they are after this minibatch.
   */
  readonly into: Vector
  readonly signal?: AbortSignal
}

export interface GradientResult {
  /** mean loss over the minibatch */
  readonly loss: number
  readonly samples: number
  /** milliseconds that the worker computed */
  readonly milliseconds: number
}

export interface EvaluationRequest {
  readonly state: Vector
  /** 'test' unless said otherwise */
  readonly split?: 'train' | 'test'
  /** at most this many samples, from the first; all when absent */
  readonly limit?: number
  /** these samples of the split instead, by number and as often as they are named; not augmented */
  readonly samples?: Uint32Array
  readonly signal?: AbortSignal
}

export interface EvaluationResult {
  readonly loss: number
  /** share of samples whose class of highest score is right, 0 … 1 */
  readonly accuracy: number
  readonly samples: number
}

/**
 * What computes gradients. Calls may overlap: a pool of workers takes them in order, and `workers` of them run at
 * the same time. A worker that crashes is replaced once and its call is run again; after a second crash the call
 * rejects with `crashed`. An aborted call rejects with `aborted`; its worker stays usable.
 */
export interface Engine {
  /** e.g. 'wasm' */
  readonly name: string
  /** one sentence: which back end runs and why */
  readonly describe: string
  readonly layout: Layout
  readonly workers: number
  gradient(request: GradientRequest): Promise<GradientResult>
  evaluate(request: EvaluationRequest): Promise<EvaluationResult>
  /** The initial parameters and buffers for a seed: the same on every peer. */
  initialise(seed: number, into: Vector): Promise<void>
  close(): Promise<void>
}
