import type { Aggregator } from '@peergrad/core'
import { between, declared } from '../declared.js'
import { KRUM_OPTIONS, isBlanchards, krumReading, krumScores, lowest, scorable } from '../geometry/krum-scores.js'
import { membership } from '../geometry/nearest.js'
import { checkNames, integerOption, type PluginOptions } from '../plugin-options.js'

/**
 * Mean of the `m` inputs of the lowest Krum scores, n − f of them when `m` is 0 or left out (Blanchard et al., NeurIPS 2017,
 * section 5); options and condition as of `krum`. ⌈n/16⌉ passes over n·d for the distances and one more.
 */
export function multiKrum(options: PluginOptions): Aggregator {
  checkNames('multi-krum', options, ['f', 'm', ...KRUM_OPTIONS])
  const f = declared('multi-krum', options)
  const m = integerOption('multi-krum', options, 'm', { fallback: 0, min: 0 })
  const reading = krumReading('multi-krum', options)
  const selected = (n: number) => (m === 0 ? n - f : m)
  return {
    name: 'multi-krum',
    byKernels: true,
    f,
    ...(isBlanchards(reading) && {
      inStore: { name: 'multi-krum', parameters: (n) => ({ f, m: selected(n) }) } as const
    }),
    describe: 'mean of the n − f inputs of the lowest Krum scores (Blanchard et al., NeurIPS 2017)',
    check: (n) => scorable(n, f, reading) ?? between(n, m, Infinity, `m = ${m}: expected that many`),
    aggregate({ vectors, out, kernels }) {
      const n = vectors.length
      const all = vectors.map((_, i) => i)
      const scores = krumScores(kernels.pairDistances(vectors), n, all, { f, ...reading })
      kernels.average([out], vectors, [membership(lowest(all, scores, selected(n)), n)])
    }
  }
}
