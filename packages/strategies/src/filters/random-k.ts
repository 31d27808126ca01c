import type { Filter } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { largest } from './largest.js'
import { countOf, shareOption } from './share.js'

/**
 * Random coordinates, the same of all peers in a round, with error feedback (Stich et al., NeurIPS 2018, arXiv 1809.07599,
 * definition 2.1 and algorithm 1).
 *
 * @param options share: of the coordinates that are sent, 0 < share ≤ 1, default 0.01
 */
export function randomK(options: PluginOptions): Filter {
  checkNames('random-k', options, ['share'])
  const share = shareOption('random-k', options)
  return {
    name: 'random-k',
    describe: 'sends random coordinates (share, 0.01), the same of all peers in a round, and the others later',
    apply({ accumulated, sent, random, scratch }) {
      const draws = scratch(accumulated.length)
      try {
        for (let index = 0; index < accumulated.length; index++) draws.vector[index] = random.uniform()
        largest(draws.vector, countOf(share, accumulated.length), (index) => (sent[index] = accumulated[index]))
      } finally {
        draws.release()
      }
    }
  }
}
