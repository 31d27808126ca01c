import { replace, type GradientStore, type Mesh, type RoundRecord, type RunManifest, type View } from '@peergrad/core'
import { spirt } from '@peergrad/strategies'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { lastModel, peerName, Simulation } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const SGD = { optimiser: { name: 'sgd', learningRate: 0.1 } } as const
const MOMENTUM = { optimiser: { name: 'momentum', learningRate: 0.05 } } as const
const ADAM = { optimiser: { name: 'adam', learningRate: 0.05 } } as const

async function run(strategy: string, manifest: Partial<RunManifest> = {}) {
  simulation = new Simulation({ strategy, ...manifest })
  simulation.startAll()
  const results = await simulation.results()
  simulation.stop()
  return results
}

/** The one hash of all peers. */
async function hashOf(strategy: string, manifest: Partial<RunManifest> = {}): Promise<string> {
  const hashes = new Set((await run(strategy, manifest)).map(({ parametersHash }) => parametersHash))
  expect([...hashes]).toHaveLength(1)
  return [...hashes][0]
}

describe.each([SGD, MOMENTUM, ADAM])('with $optimiser.name', (optimiser) => {
  it('every dense exchange of gradients ends with the same bits', async () => {
    const expected = await hashOf('all-gather', optimiser)
    for (const strategy of ['spirt', 'all-reduce', 'scatter-reduce']) {
      expect([strategy, await hashOf(strategy, optimiser)]).toEqual([strategy, expected])
    }
  })

  it('mlless sends everything at v = 0, and then ends as they do', async () => {
    const expected = await hashOf('all-gather', optimiser)
    expect(await hashOf('mlless:v=0', { ...optimiser, filter: 'auto' })).toBe(expected)
    expect(await hashOf('mlless:own-steps=false', { ...optimiser, filter: 'none' })).toBe(expected)
    expect(await hashOf('mlless:own-steps=false', { ...optimiser, filter: 'auto' })).not.toBe(expected)
  })

  it.each(['spirt', 'mlless:own-steps=false', 'scatter-reduce', 'all-reduce', 'all-gather', 'ring'])(
    '%s with one peer is the baseline',
    async (strategy) => {
      const dense = { ...optimiser, peers: 1, filter: 'none' }
      expect(await hashOf(strategy, dense)).toBe(await hashOf('local', dense))
    }
  )

  it.each(['all-reduce', 'scatter-reduce', 'all-gather', 'ring'])(
    '%s averages models that made steps by themselves',
    async (strategy) => {
      const every = `${strategy}:every=3`
      const together = await run(every, optimiser)
      expect(new Set(together.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      expect(together.map(({ rounds, steps }) => [rounds, steps])).toEqual(Array(4).fill([12, 36]))
      const alone = { ...optimiser, peers: 1 }
      expect(await hashOf(every, alone)).toBe(await hashOf('local:every=3', alone))
    }
  )
})

it.each([2, 3, 5])('among %i peers every dense exchange of gradients ends with the same bits', async (peers) => {
  const expected = await hashOf('all-gather', { ...ADAM, peers })
  for (const strategy of ['spirt', 'all-reduce', 'scatter-reduce', 'mlless:v=0']) {
    expect([strategy, await hashOf(strategy, { ...ADAM, peers, filter: 'auto' })]).toEqual([strategy, expected])
  }
})

it('gossip of several steps with one peer is the baseline but for the rounding of a distance to the model and back', async () => {
  const models: number[][] = []
  for (const strategy of ['gossip', 'local']) {
    simulation = new Simulation({ strategy: `${strategy}:every=3`, peers: 1, ...MOMENTUM })
    const [peer] = simulation.startAll()
    await simulation.results()
    models.push(await lastModel(peer!))
  }
  const [gossip, local] = models
  for (const [index, value] of gossip!.entries()) expect(value).toBeCloseTo(local![index]!, 5)
})

it('mlless with own steps gives what the optimiser of each peer makes, and of that what is significant', async () => {
  const whole = await run('mlless:own-steps=true,v=0', ADAM)
  expect(new Set(whole.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  const part = await run('mlless:own-steps=true,v=0.7', { ...ADAM, filter: 'auto' })
  expect(new Set(part.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  expect(part[0].tensorBytesSent).toBeLessThan(0.7 * whole[0].tensorBytesSent)
  expect(part[0].loss).toBeLessThan(2 * whole[0].loss!)
})

it('ring ends with what all-reduce does but for the order of its sums', async () => {
  const [ring, reduced] = [await run('ring'), await run('all-reduce')]
  expect(new Set(ring.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  expect(ring[0].loss).toBeCloseTo(reduced[0].loss!, 5)
})

it('ring ends among so many peers that each hands on 46 parts', async () => {
  const results = await run('ring', { peers: 24, rounds: 1, minibatches: 1 })
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
})

it('diloco goes to where the others go, with its outer steps', async () => {
  const results = await run('diloco:every=5', { rounds: 20, ...SGD })
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  expect(results[0].steps).toBe(100)
  expect(results[0].loss).toBeLessThan(0.05)
})

describe('gossip', () => {
  it.each(['ring', 'torus', 'random', 'full'])(
    'over a %s ends with one model, which is where the others go',
    async (topology) => {
      const results = await run(`gossip:topology=${topology}`, { peers: 6, rounds: 30, ...SGD })
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      expect(results[0].loss).toBeLessThan(0.05)
    }
  )

  it('ends with the same bits however long vectors are on their way to one of the peers', async () => {
    const hashes: string[] = []
    // the others decide while that one still reads its neighbours
    for (const milliseconds of [0, 1000]) {
      simulation = new Simulation({ strategy: 'gossip', rounds: 10, ...MOMENTUM })
      const { clock } = simulation
      const mesh = (honest: Mesh) =>
        replace(honest, {
          async fetch(request) {
            await new Promise<void>((resolve) => clock.after(milliseconds, resolve))
            return honest.fetch(request)
          }
        })
      simulation.startAll({ 3: { mesh } })
      const results = await simulation.results()
      simulation.stop()
      hashes.push(...results.map(({ parametersHash }) => parametersHash))
    }
    expect(new Set(hashes).size).toBe(1)
  })

  it('goes on and ends with one model when a peer is lost, and takes it in again', async () => {
    simulation = new Simulation({ strategy: 'gossip', rounds: 60, ...MOMENTUM })
    const peers = simulation.startAll()
    const at = (round: number) => () => peers[0].events.some((event) => event.type === 'round' && event.round === round)
    await simulation.when(at(5))
    simulation.kill(peerName(2))
    await simulation.when(at(20))
    simulation.start(peerName(2))
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.every(({ members }) => members.length === 4)).toBe(true)
  })
})

describe.each(['spirt', 'mlless', 'scatter-reduce', 'all-reduce', 'all-gather'])('%s composes with', (strategy) => {
  let dense: number
  beforeAll(async () => void (dense = (await run(strategy, { filter: 'none', rounds: 30, ...SGD }))[0].tensorBytesSent))

  it.each(['significant:v=0.7', 'significant-model:v=0.2', 'top-k:share=0.1', 'random-k:share=0.2'])(
    '%s',
    async (filter) => {
      const sparse = await run(strategy, { filter, rounds: 30, ...SGD })
      expect(new Set(sparse.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      expect(sparse[0].tensorBytesSent).toBeLessThan(0.9 * dense)
      // noise and what is held back keep it a little away
      expect(sparse[0].loss).toBeLessThan(0.2)
    }
  )

  it.each([
    ['f16', 'none'],
    ['int8', 'none'],
    ['sign', 'none'],
    ['int8', 'top-k:share=0.1']
  ])('%s with %s', async (codec, filter) => {
    const results = await run(strategy, { codec, filter, rounds: 30, ...SGD })
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results[0].loss).toBeLessThan(0.2)
  })
})

it.each(['spirt', 'mlless', 'scatter-reduce', 'all-reduce', 'all-reduce:every=2', 'diloco:every=2', 'gossip'])(
  'no codec touches the buffers of %s',
  async (strategy) => {
    const buffersWith = async (codec: string) => {
      simulation = new Simulation({ strategy, codec, filter: 'none', rounds: 3, ...SGD })
      const [first] = simulation.startAll()
      await simulation.results()
      const model = await lastModel(first)
      simulation.stop()
      return model.slice(-4)
    }
    const dense = await buffersWith('f32')
    for (const codec of ['f16', 'int8']) expect([codec, await buffersWith(codec)]).toEqual([codec, dense])
  }
)

it.each<[string, Partial<RunManifest>, number]>([
  // with less momentum: a distance that waits is walked again and again
  ['diloco:every=2,momentum=0.5', { filter: 'top-k:share=0.3' }, 0.7],
  ['diloco:every=2,momentum=0.5', { codec: 'int8' }, 0.3],
  ['diloco:every=2,momentum=0.5', { codec: 'sign' }, 0.1],
  ['all-reduce:every=2', { filter: 'random-k:share=0.2', codec: 'f16' }, 0.9],
  // sums of what was left out are whole, so nothing is spared there
  ['ring', { filter: 'top-k:share=0.1' }, 1.01],
  ['gossip', { codec: 'f16' }, 0.55],
  ['gossip', { codec: 'int8' }, 0.3]
])('%s composes with %j, and sends at most %d of the bytes', async (strategy, packing, share) => {
  const [dense] = await run(strategy, { filter: 'none', rounds: 30, ...SGD })
  const results = await run(strategy, { filter: 'none', rounds: 30, ...SGD, ...packing })
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  expect(results[0].tensorBytesSent).toBeLessThan(share * dense.tensorBytesSent)
  expect(results[0].loss).toBeLessThan(0.2)
})

it('a peer that the auto-tuner of mlless lets go leaves in order, and the others go on', async () => {
  simulation = new Simulation({
    strategy: 'mlless:scale-in=true,interval=1,horizon=1,tolerance=10',
    filter: 'none',
    rounds: 200,
    ...SGD
  })
  const peers = simulation.startAll()
  const results = await simulation.results()
  const left = results.filter(({ status }) => status === 'left')
  expect(left.length).toBeGreaterThan(0)
  const why = peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'left' ? [event.reason] : [])))
  expect(why).toEqual(left.map(() => 'the strategy let it go'))
  const finished = results.filter(({ status }) => status === 'finished')
  expect(new Set(finished.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  expect(finished.every(({ members }) => members.length === 4 - left.length)).toBe(true)
  // nobody took it for dead
  for (const { events } of peers) expect(events.filter(({ type }) => type === 'suspected')).toEqual([])
})

it.each<[string, Partial<RunManifest>, number]>([
  ['--min-peers', { minPeers: 3 }, 3],
  ['what the rule needs', { aggregator: 'trimmed-mean:f=1' }, 3]
])('the auto-tuner of mlless lets nobody go below %s', async (_, manifest, least) => {
  const strategy = 'mlless:scale-in=true,interval=1,horizon=1,tolerance=10'
  const results = await run(strategy, { filter: 'none', rounds: 200, ...SGD, ...manifest })
  const finished = results.filter(({ status }) => status === 'finished')
  expect(finished.map(({ members }) => members.length)).toEqual(Array(least).fill(least))
})

it('nobody is let go in the last round, which all end with', async () => {
  const strategy = () => ({
    ...spirt({ minibatches: 2 }),
    retire: ({ view }: { view: View }) => view.members.slice(-1)
  })
  simulation = new Simulation({ rounds: 2 }, { strategy })
  simulation.startAll()
  const results = await simulation.results()
  const finished = results.filter(({ status }) => status === 'finished')
  expect(finished.map(({ members }) => members.length)).toEqual([3, 3, 3])
})

it('a contribution that is late is no peer that went, for whoever lets peers go', async () => {
  const members = new Set<number>()
  const strategy = () => ({
    ...spirt({ minibatches: 2 }),
    retire({ history }: { history: readonly RoundRecord[] }) {
      for (const record of history) members.add(record.members)
      return []
    }
  })
  simulation = new Simulation({ rounds: 4, deadline: 500 }, { strategy })
  const peers = [0, 1, 2].map((index) => simulation.start(peerName(index)))
  simulation.start(peerName(3), { milliseconds: 2000 })
  await simulation.results()
  const contributors = peers[0].events.flatMap((event) => (event.type === 'round' ? [event.contributors.length] : []))
  expect(contributors).toContain(3)
  expect(members).toEqual(new Set([4]))
})

it('a rule is told the samples of each shard, which every peer knows, and not what their owners say', async () => {
  const told: (readonly number[])[] = []
  const store = (honest: GradientStore) =>
    replace(honest, {
      aggregate(request) {
        told.push(request.samples)
        return honest.aggregate(request)
      }
    })
  simulation = new Simulation({ peers: 3, rounds: 2, aggregator: 'mean:weighted=true' })
  simulation.startAll({ 0: { store } })
  await simulation.results()
  expect(told).toEqual([
    [80, 80, 80],
    [80, 80, 80]
  ])
})

it('a strategy that throws when it is asked who can go ends whoever asks it behind that round, with what it threw', async () => {
  const strategy = () => ({
    ...spirt({ minibatches: 2 }),
    retire() {
      throw new Error('no luck')
    }
  })
  simulation = new Simulation({ rounds: 4 }, { strategy })
  const [first] = simulation.startAll()
  await expect(simulation.until(first.result)).rejects.toThrow('no luck')
})

it('the supervisor of mlless dies before it let anybody go, and another one does', async () => {
  simulation = new Simulation({
    strategy: 'mlless:scale-in=true,interval=1,horizon=1,tolerance=10',
    filter: 'none',
    peers: 5,
    rounds: 300,
    ...SGD
  })
  const [supervisor, ...others] = simulation.startAll()
  await simulation.when(() => supervisor.events.some((event) => event.type === 'round' && event.round === 3))
  simulation.kill(supervisor.name)
  const results = await simulation.until(Promise.all(others.map(({ result }) => result)))
  const finished = results.filter(({ status }) => status === 'finished')
  expect(results.length - finished.length).toBeGreaterThan(0)
  expect(new Set(finished.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  expect(finished.every(({ members }) => !members.includes(supervisor.name))).toBe(true)
})

it.each(['mlless', 'all-gather:every=3', 'diloco:every=3'])(
  '%s: who comes anew trains on, and all hold the same',
  async (strategy) => {
    simulation = new Simulation({ strategy, peers: 3, rounds: 60, ...MOMENTUM })
    const [first] = simulation.startAll()
    await simulation.when(() => first.events.some((event) => event.type === 'round' && event.round === 5))
    simulation.start(peerName(3))
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.every(({ members }) => members.length === 4)).toBe(true)
  }
)

it('robust rules and what goes before them end with one hash, whoever merges', async () => {
  const mixed = {
    ...SGD,
    aggregator: 'krum:neighbours=n-f-1',
    preAggregators: ['clipping:c=0.1', 'nnm', 'bucketing:s=1']
  }
  const expected = await hashOf('all-gather', mixed)
  expect(await hashOf('all-reduce', mixed)).toBe(expected)
  expect(await hashOf('all-gather', { ...mixed, preAggregators: [] })).not.toBe(expected)
})
