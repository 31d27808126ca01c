import { random } from '@peergrad/core'
import { createPartitioner, partitioners } from '@peergrad/engine'
import { describe, expect, it } from 'vitest'
import { partitionerCompliance } from '../../../test/compliance/partitioner.js'

const TEXTS = [
  'iid',
  'dirichlet:alpha=0.001',
  'dirichlet:alpha=0.1',
  'dirichlet:alpha=100',
  'shards:perPeer=1',
  'shards:perPeer=3',
  'similarity:gamma=0',
  'similarity:gamma=0.3',
  'similarity:gamma=1',
  'similarity:gamma=0.3,among=2'
]

async function deal(text: string, { labels, shards = 4 }: { labels: Uint8Array; shards?: number }) {
  return (await createPartitioner(text)).partition({ labels, classes: 10, shards, random: random(1, 'partition') })
}
const classesIn = (shard: Uint32Array, labels: Uint8Array) => new Set([...shard].map((sample) => labels[sample])).size
/** share of the commonest class */
const skew = (shard: Uint32Array, labels: Uint8Array, classes = 10) => {
  const counts = new Array<number>(classes).fill(0)
  for (const sample of shard) counts[labels[sample]!]! += 1
  return Math.max(...counts) / shard.length
}
const even = Uint8Array.from({ length: 2000 }, (_, i) => (i * 7) % 10)

for (const text of TEXTS) partitionerCompliance(text, () => createPartitioner(text))

describe('what a partitioner is for', () => {
  it('iid: shards of one size, each with every class in its share', async () => {
    const dealt = await deal('iid', { labels: even, shards: 3 })
    expect(dealt.map((shard) => shard.length)).toEqual([667, 667, 666])
    for (const shard of dealt) expect(skew(shard, even)).toBeLessThan(0.15)
  })

  it('dirichlet: the smaller alpha, the fewer classes in a shard', async () => {
    const average = async (alpha: number) => {
      const dealt = await deal(`dirichlet:alpha=${alpha}`, { labels: even })
      return dealt.reduce((sum, shard) => sum + skew(shard, even), 0) / dealt.length
    }
    expect(await average(1000)).toBeLessThan(0.15)
    expect(await average(0.01)).toBeGreaterThan((await average(1000)) * 2)
  })

  it('dirichlet: with a tiny alpha each class goes to one peer whole', async () => {
    const dealt = await deal('dirichlet:alpha=0.00001', { labels: even })
    const places = dealt.reduce((sum, shard) => sum + classesIn(shard, even), 0)
    expect(places).toBeLessThanOrEqual(10 + dealt.length)
  })

  it('shards: each peer sees about as many classes as it has slices', async () => {
    const dealt = await deal('shards:perPeer=2', { labels: even, shards: 5 })
    for (const shard of dealt) expect(classesIn(shard, even)).toBeLessThanOrEqual(2)
  })

  it('similarity: gamma is the share that all peers have alike', async () => {
    const [apart, half, alike] = await Promise.all(
      [0, 0.5, 1].map((gamma) => deal(`similarity:gamma=${gamma}`, { labels: even, shards: 10 }))
    )
    for (const shard of apart!) expect(skew(shard, even)).toBe(1)
    for (const shard of half!) expect(skew(shard, even)).toBeCloseTo(0.55, 0)
    for (const shard of alike!) expect(skew(shard, even)).toBeLessThan(0.25)
  })

  it('similarity: among the first ranks only, but for one sample each', async () => {
    const dealt = await deal('similarity:gamma=0,among=5', { labels: even, shards: 7 })
    expect(dealt.slice(5).map((shard) => shard.length)).toEqual([1, 1])
    for (const shard of dealt.slice(0, 5)) expect(Math.abs(shard.length - 1998 / 5)).toBeLessThan(1)
    for (const shard of dealt.slice(0, 5)) expect(classesIn(shard, even)).toBeLessThanOrEqual(3)
  })
})

describe('partitioner names and options', () => {
  it.each([
    ['nothing', 'unknown'],
    ['iid:alpha=1', 'unknown'],
    ['dirichlet:alpha=0', 'argument'],
    ['dirichlet:alpha=many', 'argument'],
    ['shards:perPeer=1.5', 'argument'],
    ['similarity:gamma=2', 'argument'],
    ['./no-such-file.mjs', 'missing']
  ])('%s is refused: %s', async (text, code) => {
    await expect(createPartitioner(text)).rejects.toMatchObject({ code })
  })

  it('says what there is', async () => {
    await expect(createPartitioner('nothing')).rejects.toThrow([...partitioners.entries.keys()].join(', '))
  })
})
