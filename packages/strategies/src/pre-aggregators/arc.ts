import type { PreAggregator } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { clip, normsOf } from './clip.js'

/**
 * Adaptive robust clipping: the ⌊2f (n − f) / n⌋ longest vectors are scaled down to the norm of the next one (Allouah et al.,
 * ICLR 2025, "Adaptive gradient clipping for robust federated learning", algorithm 2). n > 2f. A pass over n·d, and over the
 * longest once more, into as many vectors of scratch.
 */
export function arc(options: PluginOptions): PreAggregator {
  checkNames('arc', options, ['f'])
  const f = declared('arc', options)
  return {
    name: 'arc',
    byKernels: true,
    f,
    describe: 'the longest 2f (n − f) / n vectors are scaled down to the next norm (ARC: Allouah et al., ICLR 2025)',
    check: (n) => minority(n, f),
    count: (n) => n,
    apply(input) {
      const n = input.vectors.length
      const norms = normsOf(input)
      // one division of whole numbers: 2f/n first would round some products below themselves
      const longest = Math.floor((2 * f * (n - f)) / n)
      const [most] = [...norms].sort((a, b) => b - a).slice(longest)
      return clip(input, norms, most)
    }
  }
}
