import type { PreAggregator, Vector } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Nearest-neighbour mixing: each vector becomes the mean of its n − f nearest, itself included (Allouah et al., AISTATS 2023,
 * "Fixing by mixing", algorithm 2). n > 2f. Two passes over n·d, up to n vectors of scratch (one for all rows whose nearest are
 * the same), O(n²·d).
 */
export function nnm(options: PluginOptions): PreAggregator {
  checkNames('nnm', options, ['f'])
  const f = declared('nnm', options)
  return {
    name: 'nnm',
    byKernels: true,
    f,
    describe:
      'each vector becomes the mean of its n − f nearest (nearest-neighbour mixing: Allouah et al., AISTATS 2023)',
    check: (n) => minority(n, f),
    count: (n) => n,
    apply({ vectors, kernels, scratch }) {
      const n = vectors.length
      const distances = kernels.pairDistances(vectors)
      // rows whose nearest are the same are one
      const means = new Map<string, { readonly vector: Vector; readonly weights: readonly number[] }>()
      const outs = vectors.map(({ length }, i) => {
        const near = ascending(distances.subarray(i * n, (i + 1) * n)).slice(0, n - f)
        const weights = membership(near, n)
        const key = weights.join()
        const mean = means.get(key) ?? { vector: scratch(length).vector, weights }
        means.set(key, mean)
        return mean.vector
      })
      const all = [...means.values()]
      kernels.average(
        all.map(({ vector }) => vector),
        vectors,
        all.map(({ weights }) => weights)
      )
      return outs
    }
  }
}
