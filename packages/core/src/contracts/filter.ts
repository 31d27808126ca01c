import type { Kernels } from '../kernels/index.js'
import type { Random } from '../random.js'
import type { Vector } from '../vector.js'

export interface FilterInput {
  /** trainable floats, finite: what was held back before + this round's gradient; read only */
  readonly accumulated: Vector
  /** trainable floats of the model; read only */
  readonly parameters: Vector
  /** zeros, to be written where something is sent */
  readonly sent: Vector
  /** optimiser step of this round, from 1 */
  readonly step: number
  readonly learningRate: number
  readonly kernels: Kernels
  /** seeded alike on every peer for this round */
  readonly random: Random
  /** memory for the length of this call; `release` hands it back */
  readonly scratch: (length: number) => { vector: Vector; release(): void }
}

/**
 * The test that core (`significantPart`) and databases have. `parameter`: coordinate i is sent when
 * |acc_i| > threshold·|x_i|, threshold and product rounded to float32. `model`: all is sent when ‖acc‖ / ‖x‖ > threshold
 * in float64 (`kernels.squaredNorm`), else nothing.
 */
export interface Significance {
  readonly of: 'parameter' | 'model'
  /** from 0, finite as a float32 */
  readonly threshold: number
}

/** Decides which part of an update is worth sending; what is held back waits and is never lost. */
export interface Filter {
  readonly name: string
  readonly describe: string
  /** The test that core's kernels and databases have, when this filter is one: it is run in place of `apply`. */
  significance?(at: { step: number; learningRate: number }): Significance
  /**
   * sent ← what of `accumulated` is worth sending, with the very bits, zeros elsewhere. Pure and deterministic: the same
   * input gives the same bits on every peer.
   */
  apply(input: FilterInput): void
}

export type FilterFactory = (options: Readonly<Record<string, number | string | boolean>>) => Filter
