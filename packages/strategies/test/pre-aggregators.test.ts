import {
  loadPlugin,
  preAggregate,
  random,
  resolvePlugin,
  unmetCondition,
  createKernels,
  type PreAggregator
} from '@peergrad/core'
import { f32, gossip, mean, preAggregators, ring, scatterReduce, trimmedMean } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { preAggregatorCompliance } from '../../../test/compliance/pre-aggregator.js'
import { prepare, vector } from './by-rule.js'

const load = (text: string) => loadPlugin('pre-aggregator', resolvePlugin(preAggregators, text))
const ALL = ['nnm:f=2', 'bucketing', 'bucketing:s=3', 'clipping:c=0.5', 'arc:f=2']
const made = new Map<string, PreAggregator>()
for (const text of ALL) made.set(text, await load(text))

for (const [text, pre] of made) preAggregatorCompliance(text, () => pre)

describe('cases', () => {
  it('nnm mixes each with its nearest, so that a far one comes near', async () => {
    expect(prepare(await load('nnm:f=1'), [[0], [1], [2], [90]])).toEqual([[1], [1], [1], [31]])
  })

  it('bucketing deals every vector into one bucket, by the seed', async () => {
    const pre = await load('bucketing')
    const deal = (seed: number) => prepare(pre, [[1], [2], [4], [8], [16]], seed).flat()
    const [a, b, last] = deal(3)
    expect(2 * a! + 2 * b! + last!).toBe(31)
    expect(new Set(Array.from({ length: 20 }, (_, seed) => deal(seed).join())).size).toBeGreaterThan(5)
  })

  it('clipping scales what is longer down to c', async () => {
    expect(prepare(await load('clipping:c=5'), [[3, 4], [6, 8], [0, 1]])).toEqual([[3, 4], [3, 4], [0, 1]]) // prettier-ignore
  })

  it('arc scales the longest down to the next norm: ⌊2f (n − f) / n⌋ of them', async () => {
    expect(prepare(await load('arc:f=1'), [[1], [-2], [3], [40]])).toEqual([[1], [-2], [3], [3]])
    const [, , far] = prepare(await load('arc:f=1'), [[2.5e-7], [2.5e-7], [3.4e38]])
    expect(far![0]! / 2.5e-7).toBeCloseTo(1, 6)
    expect(prepare(await load('arc:f=2'), [[1], [2], [3], [40], [-50]])).toEqual([[1], [2], [3], [3], [-3]].map(([x]) => [Math.sign(x!) * Math.min(2 + 1, Math.abs(x!))])) // prettier-ignore
  })

  it('f = 0 leaves arc and the members of nnm as they are', async () => {
    expect(prepare(await load('arc:f=0'), [[1], [40]])).toEqual([[1], [40]])
    expect(prepare(await load('nnm:f=0'), [[1], [3]])).toEqual([[2], [2]])
  })
})

describe('a chain', () => {
  it('goes in order, and lends no more scratch than its last vectors hold', async () => {
    const lent = new Set<object>()
    const scratch = (length: number) => {
      const { vector: made } = { vector: vector(Array<number>(length).fill(NaN)) }
      lent.add(made)
      return { vector: made, release: () => void lent.delete(made) }
    }
    const chain = [await load('clipping:c=1'), await load('nnm:f=1'), await load('bucketing:s=2')]
    const input = { vectors: [[2], [1], [0.5], [9]].map(vector), kernels: createKernels(), random: random(1), scratch }
    const out = preAggregate(chain, input)
    expect(out.length).toBe(2)
    expect([...lent]).toEqual(out)
  })

  it('is held to the condition of each on what the one before it leaves', () => {
    const chain = [made.get('bucketing:s=3')!, made.get('nnm:f=2')!]
    expect(unmetCondition(chain, trimmedMean({ f: 1 }), 12)).toMatchObject({ who: 'pre-aggregator nnm', n: 4 })
    expect(unmetCondition(chain, trimmedMean({ f: 3 }), 15)).toMatchObject({ who: 'aggregator trimmed-mean', n: 5 })
    expect(unmetCondition(chain, trimmedMean({ f: 1 }), 15)).toBeUndefined()
  })
})

it.each([ring, gossip, scatterReduce])('a strategy that sees no whole contributions refuses them: %o', (strategy) => {
  const refusal = strategy({}).refuses?.({
    aggregator: mean({}),
    preAggregators: [made.get('nnm:f=2')!],
    codec: f32({}),
    filter: undefined
  })
  expect(refusal).toMatch(/nnm/)
})
