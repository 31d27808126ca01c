import { MEDIAN_INPUTS, type Aggregator } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Median per coordinate; of an even number the mean of the two middle ones (Yin et al., ICML 2018, definition 1).
 * With fewer than n/2 hostile inputs each coordinate lies in the range of the honest ones. n ≤ 64. One pass over
 * n·d; O(n log² n) per coordinate.
 */
export function median(options: PluginOptions): Aggregator {
  checkNames('median', options, [])
  return {
    name: 'median',
    byKernels: true,
    inStore: { name: 'median' },
    perCoordinate: true,
    describe: 'median of each coordinate: bounded as long as more than half of the peers are honest',
    check: (n) => (n >= 1 && n <= MEDIAN_INPUTS ? undefined : `expected 1 to ${MEDIAN_INPUTS}`),
    aggregate({ vectors, out, kernels }) {
      kernels.median(out, vectors)
    }
  }
}
