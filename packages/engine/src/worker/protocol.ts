import type { Dataset, ErrorJSON, Layout, Minibatch, PluginReference, TensorSlot, VectorHandle } from '@peergrad/core'

/** What a worker is started with. */
export interface WorkerInit {
  readonly backend: string
  /** the user named the back end, rather than `auto` */
  readonly asked: boolean
  readonly model: PluginReference
  readonly dataset: Dataset
  readonly memory: WebAssembly.Memory
  /** one Int32 for each worker: see `Claim` */
  readonly claim: SharedArrayBuffer
}

/** State of the job in a worker, in shared memory: who may still write or give up. */
export const Claim = {
  /** computing; the caller may give up by setting `cancelled` */
  open: 0,
  /** the caller gave up; the worker must write nothing */
  cancelled: 1,
  /** the worker writes its result; it is too late to give up */
  writing: 2
} as const

export type Job =
  | {
      readonly kind: 'gradient'
      readonly state: VectorHandle
      readonly minibatch: Minibatch
      readonly into: VectorHandle
    }
  | {
      readonly kind: 'evaluate'
      readonly state: VectorHandle
      readonly split: 'train' | 'test'
      /** of the split, by number */
      readonly samples: Uint32Array
    }
  | { readonly kind: 'initialise'; readonly seed: number; readonly into: VectorHandle }
  | { readonly kind: 'describe' }
  | { readonly kind: 'memory' }

/** `close` comes after the jobs before it are done, and the worker ends. */
export type ToWorker = Job | { readonly kind: 'close' }

/** What each kind of job answers. `loss` of an evaluation is the sum over its samples. */
export interface Answers {
  readonly gradient: { readonly loss: number; readonly samples: number; readonly milliseconds: number }
  readonly evaluate: { readonly loss: number; readonly correct: number; readonly samples: number }
  readonly initialise: null
  /** the model as a LayersModel of tfjs */
  readonly describe: LayersModelFile
  /** tensors alive in the worker's tfjs */
  readonly memory: { readonly tensors: number }
}

/** What a model.json holds, and where in a model state the values of each weight stand. */
export interface LayersModelFile {
  readonly topology: object
  readonly weights: readonly TensorSlot[]
}

export type FromWorker =
  | { readonly kind: 'ready'; readonly layout: Layout; /** end it by `close` */ readonly endsItself: boolean }
  | { readonly kind: 'answer'; readonly value: Answers[Job['kind']] }
  | { readonly kind: 'error'; readonly error: ErrorJSON }
