import type { Kernels } from '../kernels/index.js'
import type { Vector } from '../vector.js'

/** Decides which part of an update is worth sending; what is held back stays in `residual` and is never lost. */
export interface Filter {
  readonly name: string
  readonly describe: string
  /** update ← what is sent; residual ← what is held back, added to what was held back before. */
  apply(input: { update: Vector; residual: Vector; parameters: Vector; step: number; kernels: Kernels }): void
}

export type FilterFactory = (options: Readonly<Record<string, number | string | boolean>>) => Filter
