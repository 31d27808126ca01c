import type { ContributionManifest, RoundContext, Strategy } from '@peergrad/core'
import { spirt } from '@peergrad/strategies'
import { afterEach, expect, it } from 'vitest'
import { Simulation } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

/** Floats of the simulated model. */
const LENGTH = 1500

type Given = Awaited<ReturnType<Parameters<RoundContext['contribute']>[0]>>

async function vector({ store, key }: RoundContext, name: string, length = LENGTH, value = 1): Promise<string> {
  const lease = store.lease(length)
  lease.vector.fill(value)
  await store.put(key(name), lease)
  return key(name)
}

/** Gives a vector of ones, and this in the place of what is right. */
async function give(context: RoundContext, wrong: Partial<Record<keyof Given, unknown>> = {}, parts?: number) {
  const right = { key: await vector(context, 'given'), loss: 1, samples: 4 }
  return context.contribute(async () => ({ ...right, ...wrong }) as Given, parts)
}

/** Gives this, and merges what all give. */
async function merge(context: RoundContext, wrong: Partial<Record<keyof Given, unknown>>, parts?: number) {
  await give(context, wrong, parts)
  return merged(context, await context.agreed())
}

async function merged(context: RoundContext, manifests: readonly ContributionManifest[]): Promise<string> {
  await context.aggregate(await context.fetch(manifests), manifests, context.key('merged'))
  return context.key('merged')
}

/** Gives a vector, and hands this one on to all. */
async function publish(context: RoundContext, key: string): Promise<string> {
  await give(context)
  await context.agreed()
  await context.publish('mine', key)
  return context.receive('mine', context.role(0))
}

it.each<[string, Strategy['round'], string]>([
  [
    'awaits what is agreed and gives nothing',
    async (context) => merged(context, await context.agreed()),
    'round 0 goes on without contribute()'
  ],
  ['ends its round and gives nothing', (context) => vector(context, 'own'), 'round 0 goes on without contribute()'],
  [
    'returns the state that it began from',
    async (context) => {
      await give(context)
      return context.state
    },
    'round 0 returned the state that it began from'
  ],
  [
    'merges fewer vectors than there are contributions',
    async (context) => {
      await give(context)
      const manifests = await context.agreed()
      await context.aggregate((await context.fetch(manifests)).slice(1), manifests, context.key('merged'))
      return context.key('merged')
    },
    'aggregate() got 2 keys for 3 contributions'
  ],
  ['asks for roles too early', async (context) => context.role(0), 'await agreed() first'],
  [
    'gives a vector of another length',
    async (context) => merge(context, { key: await vector(context, 'short', 3) }),
    'contribute() got "round:0:short", of 3 floats, expected 1500'
  ],
  ['gives no key', (context) => merge(context, { key: undefined }), 'contribute() got undefined as key'],
  ['gives no loss', (context) => merge(context, { loss: undefined }), 'contribute() got undefined as loss'],
  [
    'gives no number of samples',
    (context) => merge(context, { samples: undefined }),
    'contribute() got undefined samples, expected a whole number from 1 to 4'
  ],
  [
    'gives too few samples',
    (context) => merge(context, { samples: 0 }),
    'contribute() got 0 samples, expected a whole number from 1 to 4'
  ],
  ['gives more samples than it may', (context) => merge(context, { samples: 5 }), 'contribute() got 5 samples'],
  ['cuts finer than floats', (context) => merge(context, {}, LENGTH + 1), 'contribute() got 1501 parts'],
  [
    'fetches parts of what is given whole',
    async (context) => {
      await give(context)
      const manifests = await context.agreed()
      const [key] = await context.fetch(manifests, { index: 0, of: 3 })
      return key!
    },
    'fetch() asks for part 0 of 3, and contribute() cut into 1'
  ],
  [
    'fetches whole what is given in parts',
    (context) => merge(context, {}, 3),
    'fetch() asks for part 0 of 1, and contribute() cut into 3'
  ],
  [
    'fetches a part that there is not',
    async (context) => {
      await give(context, {}, 3)
      const [key] = await context.fetch(await context.agreed(), { index: 3, of: 3 })
      return key!
    },
    'fetch() asks for part 3 of 3'
  ],
  [
    'publishes a vector of another length',
    async (context) => publish(context, await vector(context, 'short', 3)),
    'publish("mine") got "round:0:short", of 3 floats, expected 1500'
  ],
  [
    'publishes what is not finite',
    async (context) => publish(context, await vector(context, 'nan', LENGTH, NaN)),
    'publish("mine") got "round:0:nan", which is not finite at index 0'
  ]
])('a strategy that %s is named, and nobody hangs', async (_what, round, message) => {
  simulation = new Simulation({ peers: 3 }, { strategy: () => ({ ...spirt({ minibatches: 1 }), name: 'mine', round }) })
  const peers = simulation.startAll()
  const ended = Promise.allSettled(peers.map(({ result }) => result))
  const errors = (await simulation.until(ended)).map((each) => (each.status === 'rejected' ? each.reason : undefined))
  const named = {
    code: expect.stringMatching(/^(argument|non-finite)$/),
    message: expect.stringMatching(/^strategy mine: /),
    data: { plugin: 'strategy mine' }
  }
  expect(errors).toEqual(Array(3).fill(expect.objectContaining(named)))
  for (const error of errors) expect(error.message).toContain(message)
  // who comes before the run is known is told to ask another
  const refused = peers.flatMap(({ events }) => events.filter(({ type }) => type === 'refused'))
  expect(refused.filter((event) => event.type === 'refused' && event.offence !== 'join')).toEqual([])
})

const FIXTURES = `${import.meta.dirname}/../compliance/fixtures`

it.each([
  [
    'a codec that decodes numbers to none',
    { codec: `${FIXTURES}/codecs.mjs#toInfinity` },
    /^codec \S*codecs\.mjs#toInfinity: decode gave a value that is not finite at index \d+/
  ],
  [
    'a filter whose significance is none',
    { filter: `${FIXTURES}/filters.mjs#significant:of=layer,threshold=1` },
    /^filter significant: got the test layer with a threshold of 1/
  ],
  [
    'a filter whose significance is nothing',
    { filter: `${FIXTURES}/filters.mjs#undecided` },
    /^filter undecided: got the test undefined/
  ],
  [
    'a pre-aggregator that gives what is not finite',
    { preAggregators: [`${FIXTURES}/rules.mjs#preNan`] },
    /the result of pre-aggregator pre-nan holds NaN at 0/
  ]
])('%s is named, and nobody hangs', async (_what, manifest, message) => {
  simulation = new Simulation({ peers: 3, ...manifest })
  const ended = Promise.allSettled(simulation.startAll().map(({ result }) => result))
  const [plugin] = /(codec|filter|pre-aggregator)/.exec(message.source)!
  const named = { message: expect.stringMatching(message), data: { plugin: expect.stringContaining(plugin) } }
  const reason = expect.objectContaining({ ...named, data: expect.objectContaining(named.data) })
  expect(await simulation.until(ended)).toEqual(Array(3).fill({ status: 'rejected', reason }))
})

/** Merges what all give, and adds what no other peer does. */
async function noise(context: RoundContext): Promise<string> {
  await give(context)
  const from = await context.store.get(await merged(context, await context.agreed()))
  const to = context.store.lease(LENGTH)
  to.vector.set(from.vector)
  from.release()
  to.vector[0] = Math.random()
  await context.store.put(context.key('noise'), to)
  return context.key('noise')
}
const random = () => ({ ...spirt({ minibatches: 1 }), name: 'mine', round: noise })
const namesRandom = {
  status: 'rejected',
  reason: expect.objectContaining({
    message: expect.stringMatching(
      /^strategy mine with aggregator mean: in round 0 \d peers made \d different updates of the same contributions/
    ),
    data: expect.objectContaining({ plugin: 'strategy mine' })
  })
}

it.each([2, 3, 5])('a strategy that is random is named by %i peers within seconds', async (peers) => {
  simulation = new Simulation({ peers }, { strategy: random })
  const ended = Promise.allSettled(simulation.startAll().map(({ result }) => result))
  expect(await simulation.until(ended)).toEqual(Array(peers).fill(namesRandom))
  expect(simulation.clock.now()).toBeLessThan(5000)
})

it('a strategy that is random is named by those that are left', async () => {
  simulation = new Simulation({ peers: 3 }, { strategy: random })
  const [dies, ...others] = simulation.startAll()
  await simulation.when(() => dies!.events.some(({ type }) => type === 'view'))
  simulation.kill(dies!.name)
  const ended = Promise.allSettled(others.map(({ result }) => result))
  expect(await simulation.until(ended)).toEqual(Array(2).fill(namesRandom))
})
