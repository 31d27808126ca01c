import type { PreAggregator } from '@peergrad/core'
import { membership } from '../geometry/nearest.js'
import { checkNames, integerOption, type PluginOptions } from '../plugin-options.js'

/**
 * The vectors are dealt into buckets of `s`, the last one perhaps smaller, by a permutation from the round's seed, alike on
 * every peer; their means go on (Karimireddy et al., ICLR 2022, algorithm 1). f hostile vectors spoil f of ⌈n / s⌉ buckets at
 * most. n ≥ 1. One pass over n·d, ⌈n / s⌉ vectors of scratch.
 */
export function bucketing(options: PluginOptions): PreAggregator {
  checkNames('bucketing', options, ['s'])
  const s = integerOption('bucketing', options, 's', { fallback: 2, min: 1 })
  return {
    name: 'bucketing',
    byKernels: true,
    describe: 'means of random groups of s vectors, 2 when left out (Karimireddy et al., ICLR 2022)',
    check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
    count: (n) => Math.ceil(n / s),
    apply({ vectors, kernels, random, scratch }) {
      const n = vectors.length
      const order = random.shuffle(vectors.map((_, i) => i))
      const buckets = Array.from({ length: Math.ceil(n / s) }, (_, k) => order.slice(k * s, (k + 1) * s))
      const outs = buckets.map(() => scratch(vectors[0].length).vector)
      kernels.average(
        outs,
        vectors,
        buckets.map((bucket) => membership(bucket, n))
      )
      return outs
    }
  }
}
