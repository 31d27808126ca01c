import type { Aggregator } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { membership } from '../geometry/nearest.js'
import { fewSubsets, leastSubset, subsets } from '../geometry/subsets.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/** Subsets that are looked at at most, and distances: some 0.1 s. */
const SUBSETS = 200_000
const LOOKS = 50_000_000

/**
 * Minimum diameter averaging: the mean of the n − f inputs whose largest distance from each other is least, of equals the
 * first in lexicographic order (Rousseeuw 1985; El Mhamdi et al., ICML 2018, appendix). n > 2f and C(n, f) ≤ 200,000.
 * ⌈n/16⌉ passes over n·d for the distances and one for the mean; at most n·C(n + 1, f + 1) ≤ 50 million looks at distances.
 */
export function mda(options: PluginOptions): Aggregator {
  checkNames('mda', options, ['f'])
  const f = declared('mda', options)
  return {
    name: 'mda',
    byKernels: true,
    f,
    describe: 'mean of the n − f inputs of least diameter (minimum diameter averaging)',
    check: (n) => minority(n, f) ?? fewSubsets(n, f, SUBSETS) ?? fewLooks(n, f),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      const distances = kernels.pairDistances(vectors)
      const members = leastSubset(n, n - f, (others, next, diameter) =>
        others.reduce((most, other) => Math.max(most, distances[other * n + next]), diameter)
      )
      kernels.average([out], vectors, [membership(members, n)])
    }
  }
}

/** The search grows at most C(n + 1, f + 1) sets, and looks at a distance for each member of one. */
function fewLooks(n: number, f: number): string | undefined {
  const looks = n * subsets(n + 1, f + 1)
  return looks > LOOKS ? `expected at most ${LOOKS} looks at distances, n·C(${n + 1}, ${f + 1}) is ${looks}` : undefined
}
