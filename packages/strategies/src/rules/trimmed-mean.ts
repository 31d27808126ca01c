import type { Aggregator } from '@peergrad/core'
import { declared, sortable } from '../declared.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Per coordinate the mean without the f lowest and the f highest values (Yin et al., ICML 2018, definition 2). With at most f
 * hostile inputs each coordinate lies in the range of the honest ones. n > 2f, n ≤ 64. One pass over n·d; O(n log² n) per
 * coordinate.
 */
export function trimmedMean(options: PluginOptions): Aggregator {
  checkNames('trimmed-mean', options, ['f'])
  const f = declared('trimmed-mean', options)
  return {
    name: 'trimmed-mean',
    byKernels: true,
    f,
    inStore: { name: 'trimmed-mean', parameters: () => ({ f }) },
    perCoordinate: true,
    describe: 'mean of each coordinate without the f lowest and f highest values (Yin et al., ICML 2018)',
    check: (n) => sortable(n, f),
    aggregate({ vectors, out, kernels }) {
      kernels.trimmedMean(out, vectors, f)
    }
  }
}
