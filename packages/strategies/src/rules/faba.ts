import type { Aggregator } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { farthest, membership } from '../geometry/nearest.js'
import { centredProducts } from '../geometry/spectrum.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Removes f times the input that is farthest from the mean of those that are left, and gives their mean (FABA: Xia et al.,
 * IJCAI 2019, algorithm 1). n > 2f. ⌈n/16⌉ passes over n·d for the distances and one more: distances from
 * a mean follow from those between the inputs.
 */
export function faba(options: PluginOptions): Aggregator {
  checkNames('faba', options, ['f'])
  const f = declared('faba', options)
  return {
    name: 'faba',
    byKernels: true,
    f,
    describe: 'mean of what is left when f times the input farthest from the mean is removed (Xia et al., IJCAI 2019)',
    check: (n) => minority(n, f),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      const distances = kernels.pairDistances(vectors)
      let left = vectors.map((_, i) => i)
      for (let removed = 0; removed < f; removed++) {
        const size = left.length
        const products = centredProducts(distances, n, left, Array<number>(size).fill(1))
        const fromMean = left.map((_, k) => products[k * size + k])
        const gone = farthest(fromMean, [...left.keys()])
        left = left.filter((_, k) => k !== gone)
      }
      kernels.average([out], vectors, [membership(left, n)])
    }
  }
}
