import type { PreAggregator } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Nearest-neighbour mixing: each vector becomes the mean of its n − f nearest, itself included (Allouah et al., AISTATS 2023,
 * "Fixing by mixing", algorithm 2). n > 2f. Two passes over n·d, n vectors of scratch, O(n²·d).
 */
export function nnm(options: PluginOptions): PreAggregator {
  checkNames('nnm', options, ['f'])
  const f = declared('nnm', options)
  return {
    name: 'nnm',
    describe:
      'each vector becomes the mean of its n − f nearest (nearest-neighbour mixing: Allouah et al., AISTATS 2023)',
    check: (n) => minority(n, f),
    count: (n) => n,
    apply({ vectors, kernels, scratch }) {
      const n = vectors.length
      const distances = kernels.pairDistances(vectors)
      const outs = vectors.map(({ length }) => scratch(length).vector)
      const near = (i: number) => ascending(distances.subarray(i * n, (i + 1) * n)).slice(0, n - f)
      kernels.average(
        outs,
        vectors,
        vectors.map((_, i) => membership(near(i), n))
      )
      return outs
    }
  }
}
