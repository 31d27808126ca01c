import { PeergradError, type Aggregator } from '@peergrad/core'
import { booleanOption, checkNames, numberOption, type PluginOptions } from '../plugin-options.js'

/**
 * (1/n) Σ x_i. With `weighted`, Σ w_i·x_i / Σ w_i by the samples of each shard (FedAvg: McMahan et al., AISTATS 2017, eq. 1);
 * none weighs more than `cap` (default 2) times the median count above 0. One hostile input moves the result anywhere: not
 * robust. n ≥ 1. One pass over n·d.
 */
export function mean(options: PluginOptions): Aggregator {
  checkNames('mean', options, ['weighted', 'cap'])
  const weighted = booleanOption('mean', options, 'weighted', false)
  const cap = numberOption('mean', options, 'cap', { fallback: 2, min: 1 })
  if (!weighted && 'cap' in options) {
    throw new PeergradError(
      'argument',
      `mean.cap: got ${cap} without weighted=true, which it is for; add that or leave it out`
    )
  }
  return {
    name: 'mean',
    byKernels: true,
    inStore: weighted ? { name: 'weighted-mean', weights: (samples) => capped(samples, cap) } : { name: 'mean' },
    perCoordinate: true,
    describe: 'average of all contributions; weighted=true: by samples of shards, each at most cap (2) × their median',
    check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
    aggregate({ vectors, samples, out, kernels }) {
      if (weighted) kernels.weightedMean(out, vectors, capped(samples, cap))
      else kernels.mean(out, vectors)
    }
  }
}

/**
 * Each count, but at most `cap` times the median of those above 0 (of an even number: the lower of the two middle ones). All alike
 * where nobody has any: models that nobody stepped.
 */
function capped(samples: readonly number[], cap: number): number[] {
  const sorted = samples.filter((count) => count > 0).sort((a, b) => a - b)
  if (sorted.length === 0) return samples.map(() => 1)
  const most = cap * sorted[(sorted.length - 1) >> 1]
  return samples.map((count) => Math.min(count, most))
}
