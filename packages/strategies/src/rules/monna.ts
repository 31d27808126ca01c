import type { Aggregator } from '@peergrad/core'
import { between, declared, minority } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { checkNames, integerOption, type PluginOptions } from '../plugin-options.js'

/**
 * Mean of the n − f inputs nearest to a trusted one, itself included (MoNNA: Farhadkhani et al., ICML 2023). The paper's peers
 * trust each its own vector and keep models of their own: so does `gossip:merge=rule`, which gives each its own model first and then those of its neighbours. Where
 * all peers hold one model they must trust the same input: `trusted` is its place in rank order, 0 when left out. n > 2f,
 * n > trusted. Two passes over n·d.
 */
export function monna(options: PluginOptions): Aggregator {
  checkNames('monna', options, ['f', 'trusted'])
  const f = declared('monna', options)
  const trusted = integerOption('monna', options, 'trusted', { fallback: 0, min: 0 })
  return {
    name: 'monna',
    byKernels: true,
    f,
    describe:
      'mean of the n − f inputs nearest to that of the `trusted` rank, 0 (MoNNA: Farhadkhani et al., ICML 2023)',
    check: (n) => minority(n, f) ?? between(n, trusted + 1, Infinity, `trusted = ${trusted}: expected that rank`),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      const distances = kernels.squaredDistances(vectors[trusted], vectors)
      kernels.average([out], vectors, [membership(ascending(distances).slice(0, n - f), n)])
    }
  }
}
