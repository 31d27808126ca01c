import {
  createKernels,
  loadPlugin,
  preAggregate,
  random,
  resolvePlugin,
  seedOf,
  type Line,
  type RunManifest,
  type Vector
} from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { Reach } from '../dist/attacks/disguise/reach.js'
import { vector } from './by-rule.js'

const SEED = 5
const ROUND = 3
const HONEST = 8
const F = 2
const LENGTH = 300

const noise = random(1, 'reach')
const honest = Array.from({ length: HONEST }, () => vector(Array.from({ length: LENGTH }, () => 1 + noise.normal())))
const mean = Float64Array.from({ length: LENGTH }, (_, i) => honest.reduce((sum, row) => sum + row[i]!, 0) / HONEST)
const lines: Line[] = [
  { direction: mean.map((value) => -value) },
  { base: mean, direction: mean.map(() => Math.abs(noise.normal())) }
]

const manifestOf = (aggregator: string, chain: readonly string[]) =>
  ({ aggregator, preAggregators: chain, seed: SEED }) as RunManifest

/** What the store does of the same round. */
async function plainly(aggregator: string, chain: readonly string[], candidate: Vector): Promise<number> {
  const rule = await loadPlugin('aggregator', resolvePlugin(aggregators, aggregator))
  const pre = await Promise.all(chain.map((text) => loadPlugin('pre-aggregator', resolvePlugin(preAggregators, text))))
  const kernels = createKernels()
  const scratch = (length: number) => ({ vector: vector(new Float32Array(length)), release: () => {} })
  const input = () => ({ kernels, scratch, random: random(seedOf(SEED, 'aggregate', ROUND), 'aggregate') })
  const vectors = preAggregate(pre, { ...input(), vectors: [...honest, ...Array<Vector>(F).fill(candidate)] })
  const out = vector(new Float32Array(LENGTH))
  rule.aggregate({ ...input(), vectors, samples: vectors.map(() => 1), out })
  return Math.sqrt(out.reduce((sum, value, i) => sum + (value - mean[i]!) ** 2, 0))
}

const names = [...aggregators.entries.keys()].filter((name) => name !== 'dnc' && name !== 'zeno')
const rules = names.flatMap((name): [string, readonly string[]][] => [
  [name, []],
  [name, ['clipping:c=26', 'nnm:f=2']]
])
const chains: [string, readonly string[]][] = [
  ['median', ['bucketing:s=2']],
  ['krum', ['arc:f=2', 'bucketing']],
  ['mean:weighted=true', []],
  ['geometric-median:from=zero', ['nnm']]
]

describe('how far a rule is taken, by coefficients', () => {
  it.each([...rules, ...chains])('%s behind %j: as where it runs', async (aggregator, chain) => {
    const reach = (await Reach.of(manifestOf(aggregator, chain)))!
    expect(reach.takes(HONEST + F)).toBe(true)
    // they choose between values that are as far above the median as others below it
    const tolerance = ['meamed', 'bulyan'].includes(aggregator) ? 2e-3 : 1e-5
    for (const { base, direction } of lines) {
      const samples = Array(HONEST + F).fill(1)
      const found = reach.along({ ...(base && { base }), direction }, { round: ROUND, honest, f: F, samples })
      for (const factor of [0, 0.3, 2, 10, 70]) {
        const candidate = vector(direction.map((value, i) => (base?.[i] ?? 0) + factor * value))
        const expected = await plainly(aggregator, chain, candidate)
        expect(Math.abs(found(factor) - expected)).toBeLessThan(tolerance * Math.max(1, expected))
      }
    }
  })

  it('is not to be had of a rule that looks at elements itself, nor of fewer inputs than it takes', async () => {
    expect(await Reach.of(manifestOf('dnc', []))).toBeUndefined()
    expect((await Reach.of(manifestOf('krum:f=4', [])))!.takes(10)).toBe(false)
  })
})
