import type { Tensor } from '@tensorflow/tfjs-core'

import type { Tf, TfLayers } from '../tf.js'

/** Whether a back end can run here, as `peergrad engines` shows it. */
export interface Availability {
  readonly available: boolean
  /** version of the package that brings it, when it is there */
  readonly version?: string
  /** what it is when available, else what is missing and how to install it */
  readonly why: string
}

/** A tfjs back end that runs in this thread. */
export interface Running {
  readonly tf: Tf
  layers(): Promise<TfLayers>
  /** A tensor of values in shared memory, which the caller may overwrite once the call that it serves has ended. */
  upload(values: Float32Array, shape: readonly number[]): Tensor
  /** Whether a tensor has these bits. Left out where to ask costs more than to upload them. */
  holds?(tensor: Tensor, values: Float32Array): boolean
  /** Copies a tensor's values to `into`. */
  download(tensor: Tensor, into: Float32Array): Promise<void> | void
  /** Frees the device. Where this is given the worker ends by itself after it: its thread must not be terminated. */
  close?(): void
}

/** One of tfjs's back ends, and how to have it. */
export interface Backend {
  readonly name: string
  /** environment variables for its native library, set before it starts where the user has set none */
  readonly environment?: Readonly<Record<string, string>>
  /** how many workers of a process may run it, when its native library bears no more */
  readonly mostWorkers?: number
  /** Looks for packages, libraries and devices: loads nothing. */
  probe(): Availability
  /**
   * Loads it in this thread, an engine worker. `asked`: the user named it, rather than `auto`.
   * Error `unsupported` when it does not start.
   */
  start(asked: boolean): Promise<Running>
}
