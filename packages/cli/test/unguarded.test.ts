import { expect, test } from 'vitest'
import { unguarded } from '../src/unguarded.js'

test('rules that declare nobody hostile are named, once for the run', async () => {
  const of = (aggregator: string, ...preAggregators: string[]) => unguarded({ aggregator, preAggregators })
  expect(await of('trimmed-mean:f=0')).toMatch(/^trimmed-mean: got f = 0, with which it is no more robust/)
  expect(await of('krum:f=0', 'clipping', 'nnm:f=0')).toMatch(/^nnm, krum: got f = 0, with which they are/)
})

test('others are none to be warned of', async () => {
  for (const aggregator of ['mean', 'median', 'trimmed-mean', 'krum:f=2']) {
    expect(await unguarded({ aggregator, preAggregators: ['bucketing', 'nnm'] })).toBeUndefined()
  }
})
