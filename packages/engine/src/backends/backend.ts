import type { Tensor } from '@tensorflow/tfjs-core'

import type { Tf, TfLayers } from '../tf.js'

/** Whether a back end can run here, as `peergrad engines` shows it. */
export interface Availability {
  readonly available: boolean
  /** version of the package that brings it, when it is there */
  readonly version?: string
  /** one sentence: what it is when available, else what is missing and how to install it */
  readonly why: string
}

/** A tfjs back end that runs in this thread. */
export interface Running {
  readonly tf: Tf
  layers(): Promise<TfLayers>
  /** Values as tfjs may keep them: some back ends hold on to the array, or refuse shared memory. */
  upload(values: Float32Array, shape: readonly number[]): Tensor
  /** Copies a tensor's values to `into`. */
  download(tensor: Tensor, into: Float32Array): Promise<void> | void
}

/** One of tfjs's back ends, and how to have it. */
export interface Backend {
  readonly name: string
  /** Looks for files only: loads nothing. */
  probe(): Promise<Availability>
  /** Loads it in this thread (an engine worker). Error `unsupported` when it does not start. */
  start(): Promise<Running>
}
