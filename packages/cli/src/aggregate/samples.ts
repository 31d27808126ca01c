import { PeergradError, shown, type Aggregator } from '@peergrad/core'
import { useWith, useWithout, type Document } from '../by-hand/document.js'
import type { Step } from '../by-hand/named.js'

/**
 * How many samples each vector is of, by the field `samples`; undefined when it is left out. Error `argument` for what is no list
 * of counts, and where the rule has no use for it, or needs it and has none.
 */
export function samplesOf(
  { samples = null, rule: named }: Document,
  { plugin, reference, by }: Step<Aggregator>,
  behind: readonly unknown[],
  path: string
): readonly number[] | undefined {
  const weighted = by === undefined && reference.options['weighted'] === true
  if (samples === null) {
    if (!weighted) return undefined
    const message = `${path}params.weighted: got true without "samples": [a count for each vector], which peergrad aggregate takes beside the rule`
    throw new PeergradError('argument', message)
  }
  const place = `${path}samples`
  if (behind.length > 0) {
    const message = `${place}: got ${shown(samples)} beside preAggregators, which make vectors of no one's samples; leave out one of them`
    throw new PeergradError('argument', message)
  }
  if (by === undefined && plugin.name !== 'mean') throw useWith(place, samples, String(named))
  if (by === undefined && !weighted) throw useWithout(place, samples, '"weighted": true')
  if (Array.isArray(samples) && samples.every((count) => Number.isSafeInteger(count) && count >= 0)) return samples
  throw new PeergradError('argument', `${place}: got ${shown(samples)}, expected a list of whole numbers from 0`)
}
