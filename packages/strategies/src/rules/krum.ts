import type { Aggregator } from '@peergrad/core'
import { declared } from '../declared.js'
import { KRUM_OPTIONS, isBlanchards, krumReading, krumScores, lowest, scorable } from '../geometry/krum-scores.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * The input of the lowest score: the sum of its squared distances to its n − f − 2 nearest others (Blanchard et al., NeurIPS
 * 2017, section 4); `neighbours=n-f-1` is ByzFL's reading, `power` 1 or 4 that of others. n > 2f + 2, or n > 2f
 * with a neighbour more. ⌈n/16⌉ passes over n·d for the n(n−1)/2 distances, and a copy.
 */
export function krum(options: PluginOptions): Aggregator {
  checkNames('krum', options, ['f', ...KRUM_OPTIONS])
  const f = declared('krum', options)
  const reading = krumReading('krum', options)
  return {
    name: 'krum',
    byKernels: true,
    f,
    ...(isBlanchards(reading) && { inStore: { name: 'krum', parameters: () => ({ f }) } as const }),
    describe: 'the one input that is nearest to its n − f − 2 nearest others (Blanchard et al., NeurIPS 2017)',
    check: (n) => scorable(n, f, reading),
    aggregate({ vectors, out, kernels }) {
      const all = vectors.map((_, i) => i)
      const scores = krumScores(kernels.pairDistances(vectors), vectors.length, all, { f, ...reading })
      kernels.copy(out, vectors[lowest(all, scores, 1)[0]])
    }
  }
}
