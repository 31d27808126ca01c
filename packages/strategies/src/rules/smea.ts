import type { Aggregator } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { membership } from '../geometry/nearest.js'
import { centredProducts, SPECTRAL_INPUTS } from '../geometry/spectrum.js'
import { fewSubsets, leastSubset } from '../geometry/subsets.js'
import { topEigenvalue } from '../geometry/top-eigenvalue.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/** Subsets that are looked at at most: some 1 s. */
const SUBSETS = 5000

/**
 * Smallest maximum eigenvalue averaging: the mean of the n − f inputs whose covariance has the least largest eigenvalue, of
 * equals the first in lexicographic order (Allouah et al., ICML 2023, "On the privacy-robustness-utility trilemma"). The
 * eigenvalues are those of the (n − f)² matrix of inner products. 2f < n ≤ 64 and C(n, f) ≤ 5,000. ⌈n/16⌉ passes over
 * n·d for the distances and one more; O(n³) per subset.
 */
export function smea(options: PluginOptions): Aggregator {
  checkNames('smea', options, ['f'])
  const f = declared('smea', options)
  return {
    name: 'smea',
    byKernels: true,
    f,
    describe: 'mean of the n − f inputs whose covariance has the least top eigenvalue (Allouah et al., ICML 2023)',
    check: (n) => minority(n, f, SPECTRAL_INPUTS) ?? fewSubsets(n, f, SUBSETS),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      const distances = kernels.pairDistances(vectors)
      const weights = Array<number>(n - f).fill(1)
      const members = leastSubset(n, n - f, (others, next) => {
        if (others.length < n - f - 1) return 0
        return topEigenvalue(centredProducts(distances, n, [...others, next], weights), n - f)
      })
      kernels.average([out], vectors, [membership(members, n)])
    }
  }
}
