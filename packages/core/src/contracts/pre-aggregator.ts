import type { RuleKernels } from '../kernels/index.js'
import type { Random } from '../random.js'
import type { Vector } from '../vector.js'
import type { AggregationInput } from './aggregator.js'

export interface PreAggregationInput {
  /** n ≥ 1 finite vectors of one length, in rank order; never written to */
  readonly vectors: readonly Vector[]
  readonly kernels: RuleKernels
  /** seeded alike on every peer for this round, and for each place in the chain differently */
  readonly random: Random
  /** Scratch of the same length, which stays as it is left until the rule is done; `release` hands it back before. */
  readonly scratch: AggregationInput['scratch']
}

/**
 * What the parameters go through before the rule, to make it robust where data differ from peer to peer. Pure and
 * deterministic, as rules are. Buffers (batch-norm statistics) go to the rule as they come.
 */
export interface PreAggregator {
  readonly name: string
  /** one sentence with its source, for `--help` */
  readonly describe: string
  /** as of an `Aggregator`, both */
  readonly f?: number
  readonly byKernels?: boolean
  /** its condition on the number of inputs: undefined when it holds, else a sentence that says what is needed */
  check(n: number): string | undefined
  /** How many vectors come out of n. */
  count(n: number): number
  /** The vectors that the next one takes: inputs as they are, scratch that is not released, or views on them. */
  apply(input: PreAggregationInput): readonly Vector[]
}

export type PreAggregatorFactory = (options: Readonly<Record<string, number | string | boolean>>) => PreAggregator
