import { tmpdir } from 'node:os'
import { checkDataset, checkPartitioner } from '@peergrad/conformance'
import { loadFactory, type Dataset, type Partitioner } from '@peergrad/core'
import { datasets, partitioners } from '@peergrad/engine'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const DEALS = 'deals every sample to exactly one shard, none of them empty, the same way for a seed'
const MEMBERS = 'has the members of its kind'
/** Samples in turn, which is as it should be but for the seed. */
const turns: Partitioner['partition'] = ({ labels, shards }) =>
  Array.from({ length: shards }, (_, shard) => Uint32Array.from([...labels.keys()].filter((i) => i % shards === shard)))
const partition = (deal: Partitioner['partition']) => () => ({ name: 'bad', partition: deal })

test.each<[string, () => Partitioner, string]>([
  ['deals nothing', (() => ({ name: 'bad' })) as never, MEMBERS],
  ['has no name', () => ({ name: 'A B', partition: turns }), 'says its name'],
  ['deals a sample to nobody', partition((init) => turns(init).map((shard) => shard.slice(1))), DEALS],
  ['deals a sample twice', partition((init) => turns(init).map((shard) => Uint32Array.from([...shard, 0]))), DEALS],
  [
    'leaves somebody with nothing',
    partition((init) => turns({ ...init, shards: 1 }).concat(Array(init.shards - 1).fill(new Uint32Array(0)))),
    DEALS
  ],
  ['deals lists', partition((init) => turns(init).map((shard) => [...shard]) as never), DEALS],
  ['is random without the seed', partition((init) => turns(init).sort(() => Math.random() - 0.5)), DEALS],
  [
    'writes into the labels',
    partition((init) => {
      const dealt = turns(init)
      init.labels.fill(9)
      return dealt
    }),
    DEALS
  ],
  ['does not look at the seed', partition(turns), 'deals otherwise for another seed']
])('a partition that %s is found out', async (_what, factory, law) => {
  expect([...(await brokenLaws(checkPartitioner(factory))).keys()]).toContain(law)
})

const HOLDS = 'has as many values and labels as it says, all of them good, in shared memory or in files'
const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length))
const good = (): Dataset => {
  const split = { count: 3, features: shared(12), labels: shared(3) }
  const normalise = { scale: 1, mean: [0], deviation: [1] }
  return {
    name: 'good',
    shape: [2, 2, 1],
    classes: 2,
    normalise,
    augment: { crop: 0, flip: false },
    train: split,
    test: split
  }
}
const data = (change: (dataset: Dataset) => object) => () => ({
  name: 'bad',
  describe: 'data that do not hold together',
  load: async () => ({ ...good(), ...change(good()) }) as Dataset
})

test.each<[string, ReturnType<typeof data>, string]>([
  ['loads nothing', (() => ({ name: 'bad', describe: 'nothing at all' })) as never, MEMBERS],
  ['has too few values', data(({ train }) => ({ train: { ...train, features: shared(11) } })), HOLDS],
  ['has a label too many', data(({ test: split }) => ({ test: { ...split, labels: shared(4) } })), HOLDS],
  ['has a label of no class', data(({ train }) => ({ train: { ...train, labels: shared(3).fill(2) } })), HOLDS],
  ['lies in memory of one thread', data(({ train }) => ({ train: { ...train, features: new Uint8Array(12) } })), HOLDS],
  ['has a mean that is no number', data(() => ({ normalise: { scale: 1, mean: [NaN], deviation: [1] } })), HOLDS],
  ['has nothing to test on', data(() => ({ test: { count: 0, features: shared(0), labels: shared(0) } })), HOLDS],
  ['normalises by nothing', data(() => ({ normalise: { scale: 1, mean: [0], deviation: [0] } })), HOLDS]
])('a data set that %s is found out', async (_what, factory, law) => {
  expect([...(await brokenLaws(checkDataset(factory, { cacheDirectory: tmpdir() }))).keys()]).toContain(law)
})

test('a data set of several channels may be normalised by one number', async () => {
  const factory = data(() => ({ shape: [2, 1, 2] }))
  expect(await brokenLaws(checkDataset(factory, { cacheDirectory: tmpdir() }))).toEqual(new Map())
})

test('a data set that is another one each time is found out', async () => {
  let calls = 0
  const again = () => {
    const labels = shared(3)
    labels[0] = calls++ % 2
    return labels
  }
  const factory = data(({ train }) => ({ train: { ...train, labels: again() } }))
  expect([...(await brokenLaws(checkDataset(factory, { cacheDirectory: tmpdir() }))).keys()]).toEqual([
    'is the same each time'
  ])
})

test('good ones hold all laws', async () => {
  const dirichlet = await loadFactory('partition', partitioners.entries.get('dirichlet')!.reference)
  expect(await brokenLaws(checkPartitioner(dirichlet))).toEqual(new Map())
  const synthetic = await loadFactory('dataset', datasets.entries.get('synthetic')!.reference)
  expect(await brokenLaws(checkDataset(synthetic, { cacheDirectory: tmpdir() }))).toEqual(new Map())
})
