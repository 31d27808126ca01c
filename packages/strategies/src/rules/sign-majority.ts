import type { Aggregator } from '@peergrad/core'
import { sortable } from '../declared.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * signSGD with majority vote: the sign of the sum of signs, per coordinate; 0 for a tie (Bernstein et al., ICLR 2019, algorithm
 * 1). Every coordinate is −1, 0 or 1, so the learning rate is the size of a step. Buffers have no signs worth a vote: theirs
 * is the median. n ≤ 64. One pass over n·d.
 */
export function signMajority(options: PluginOptions): Aggregator {
  checkNames('sign-majority', options, [])
  return {
    name: 'sign-majority',
    byKernels: true,
    perCoordinate: true,
    buffers: 'median',
    describe: 'sign of the majority in each coordinate: −1, 0 or 1, so take a small learning rate (signSGD, ICLR 2019)',
    check: (n) => sortable(n, 0),
    aggregate({ vectors, out, kernels }) {
      kernels.signMajority(out, vectors)
    }
  }
}
