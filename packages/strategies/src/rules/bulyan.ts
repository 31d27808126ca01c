import { MEDIAN_INPUTS, type Aggregator } from '@peergrad/core'
import { between, declared } from '../declared.js'
import { KRUM_OPTIONS, krumReading, krumScores, lowest } from '../geometry/krum-scores.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Krum, repeated on what is left, selects n − 2f inputs; of these, per coordinate, the mean of the n − 4f values nearest to
 * the median (El Mhamdi et al., ICML 2018, section 4). The score among r inputs looks at r − f − 2 others, one at least.
 * n ≥ 4f + 3, n ≤ 64. ⌈n/16⌉ passes over n·d for the distances and one more; O(n³ log n) for the scores.
 */
export function bulyan(options: PluginOptions): Aggregator {
  checkNames('bulyan', options, ['f', ...KRUM_OPTIONS])
  const f = declared('bulyan', options)
  const reading = krumReading('bulyan', options)
  return {
    name: 'bulyan',
    byKernels: true,
    f,
    describe: 'n − 2f inputs by repeated Krum, then the mean around the median of each coordinate (ICML 2018)',
    check: (n) => between(n, 4 * f + 3, MEDIAN_INPUTS, `f = ${f}: expected n ≥ 4f + 3`),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      const distances = kernels.pairDistances(vectors)
      let left = vectors.map((_, i) => i)
      const chosen: number[] = []
      while (chosen.length < n - 2 * f) {
        const [next] = lowest(left, krumScores(distances, n, left, { f, ...reading }), 1)
        chosen.push(next)
        left = left.filter((index) => index !== next)
      }
      kernels.meamed(
        out,
        chosen.sort((a, b) => a - b).map((index) => vectors[index]),
        2 * f
      )
    }
  }
}
