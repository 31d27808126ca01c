import type { PreAggregator } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'
import { clip, normsOf } from './clip.js'

/**
 * x·min(1, c / ‖x‖): no vector is longer than `c`, 2 when left out (ByzFL's static clipping). n ≥ 1. A pass over
 * n·d, and over what is longer once more, into as many vectors of scratch.
 */
export function clipping(options: PluginOptions): PreAggregator {
  checkNames('clipping', options, ['c'])
  const c = numberOption('clipping', options, 'c', { fallback: 2, above: 0 })
  return {
    name: 'clipping',
    byKernels: true,
    describe: 'vectors longer than c, 2 when left out, are scaled down to it',
    check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
    count: (n) => n,
    apply: (input) => clip(input, normsOf(input), c)
  }
}
