import type { Aggregator } from '@peergrad/core'
import { declared, sortable } from '../declared.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Mean around the median: per coordinate the mean of the n − f values nearest to the median, of two at one distance the lower
 * (Xie et al., "Generalized Byzantine-tolerant SGD", 2018, definition 7; SPIRT's rule). n > 2f, n ≤ 64. One pass over n·d;
 * O(n log² n) per coordinate.
 */
export function meamed(options: PluginOptions): Aggregator {
  checkNames('meamed', options, ['f'])
  const f = declared('meamed', options)
  return {
    name: 'meamed',
    byKernels: true,
    f,
    inStore: { name: 'meamed', parameters: () => ({ f }) },
    perCoordinate: true,
    describe: 'mean of the n − f values of each coordinate that are nearest to its median (Xie et al., 2018)',
    check: (n) => sortable(n, f),
    aggregate({ vectors, out, kernels }) {
      kernels.meamed(out, vectors, f)
    }
  }
}
