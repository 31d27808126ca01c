import type { Kernels } from '../kernels/index.js'
import type { Random } from '../random.js'
import type { Vector } from '../vector.js'

export interface AggregationInput {
  /** n ≥ 1 finite vectors of one length, in rank order; never written to */
  readonly vectors: readonly Vector[]
  /** samples behind each vector, as its sender declares */
  readonly samples: readonly number[]
  /** where the result goes; none of `vectors` */
  readonly out: Vector
  readonly kernels: Kernels
  /** seeded alike on every peer for this round */
  readonly random: Random
  /** scratch of the same length; `release` hands it back */
  readonly scratch: (length: number) => { vector: Vector; release(): void }
}

/** Rules that databases have. */
export type StoreRule = 'mean' | 'median'

/**
 * The rule that makes one vector of many. Pure and deterministic: the same inputs give the same bits on every peer;
 * the lowest index wins a tie.
 */
export interface Aggregator {
  readonly name: string
  /** what a database that has this rule calls it; it may then run it in place of `aggregate`, with the same bits */
  readonly inStore?: StoreRule
  /** each coordinate of the result depends on that coordinate of the inputs alone, so that a part may be merged by itself */
  readonly perCoordinate?: boolean
  /** one sentence with the rule's source, for `--help` */
  readonly describe: string
  /**
   * The rule's condition on the number of inputs, checked before a run starts and again each round:
   * undefined when it holds, else a sentence that says what is needed.
   */
  check(n: number): string | undefined
  aggregate(input: AggregationInput): void
}

export type AggregatorFactory = (options: Readonly<Record<string, number | string | boolean>>) => Aggregator
