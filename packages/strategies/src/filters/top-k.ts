import type { Filter } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { largest } from './largest.js'
import { countOf, shareOption } from './share.js'

/**
 * The coordinates of largest magnitude (Aji and Heafield, EMNLP 2017, arXiv 1704.05021), with error feedback: what is held
 * back is added to the next gradient (Stich et al., NeurIPS 2018, arXiv 1809.07599, algorithm 1).
 *
 * @param options share: of the coordinates that are sent, 0 < share ≤ 1, default 0.01
 */
export function topK(options: PluginOptions): Filter {
  checkNames('top-k', options, ['share'])
  const share = shareOption('top-k', options)
  return {
    name: 'top-k',
    describe: 'sends the coordinates of largest magnitude (share, 0.01), and the others when they have grown',
    apply({ accumulated, sent }) {
      largest(accumulated, countOf(share, accumulated.length), (index) => (sent[index] = accumulated[index]))
    }
  }
}
