import { checkStrategy, judge, strategyLaws } from '@peergrad/conformance'
import {
  makePlugin,
  type ContributionManifest,
  type RoundContext,
  type Strategy,
  type StrategyFactory
} from '@peergrad/core'
import { spirt } from '@peergrad/strategies'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

type Round = Strategy['round']

/** SPIRT with something done to it. */
const broken =
  (changes: (honest: Strategy) => Partial<Strategy>): StrategyFactory =>
  (options) => {
    const honest = spirt(options)
    return { ...honest, round: (context) => honest.round(context), ...changes(honest) }
  }
const round = (make: (honest: Round) => Round) =>
  broken((honest) => ({ round: make((context) => honest.round(context)) }))

/** `name` ← a vector of the store that `change` has had in hand */
async function changed(
  context: RoundContext,
  key: string,
  change: (vector: Float32Array) => void,
  name = context.key('changed')
): Promise<string> {
  const { store } = context
  const [from, to] = [await store.get(key), store.lease(1500)]
  to.vector.set(from.vector)
  from.release()
  change(to.vector)
  await store.put(name, to)
  return name
}

const ENDS = 'ends its rounds'
const ONE_HASH = 'ends with one hash at all peers, the same for the same seed, another for another'
const BY_THE_RULE = 'merges by the rule of the run, unless it refuses it or combines by itself'
const OF_EVERY_PEER = 'takes what every peer gives into the result'
const PAST = 'keeps nothing of rounds that are past'

test.each<[string, StrategyFactory, string, RegExp?]>([
  ['throws', round(() => () => Promise.reject(new TypeError('on purpose'))), ENDS, /strategy spirt threw: on purpose/],
  ['throws at once', round(() => () => JSON.parse('{') as Promise<string>), ENDS, /strategy spirt threw/],
  ['never ends its round', round(() => () => new Promise(() => {})), ENDS, /strategy spirt: round 0 has not ended/],
  [
    'never ends its round after the exchange',
    round((honest) => async (context) => {
      await honest(context)
      return new Promise(() => {})
    }),
    ENDS,
    /strategy spirt: round 0 has not ended/
  ],
  [
    'waits for what nobody publishes',
    round(() => waits),
    ENDS,
    /strategy spirt: .* waits to receive "merged" from peerA+,/
  ],
  ['returns nothing', round(() => async () => undefined as never), ENDS, /returned undefined, expected the key/],
  ['returns a key that is not there', round(() => async () => 'none'), ENDS, /returned "none", which is not there/],
  [
    'returns a vector of another length',
    round((honest) => async (context) => {
      await honest(context)
      const lease = context.store.lease(3)
      lease.vector.fill(1)
      await context.store.put(context.key('short'), lease)
      return context.key('short')
    }),
    ENDS,
    /strategy spirt: round 0 returned "round:0:short", of 3 floats, expected/
  ],
  [
    'reads a key that nobody put',
    round((honest) => async (context) => {
      await context.store.average(['nowhere'], context.key('sum'))
      return honest(context)
    }),
    ENDS,
    /strategy spirt: store: "nowhere" not there/
  ],
  [
    'writes other bytes under the same key in each round',
    round((honest) => async (context) => changed(context, await honest(context), () => {}, 'sum')),
    ENDS,
    /strategy spirt: store: "sum" is there with other bytes/
  ],
  [
    'returns what is no number',
    round((honest) => async (context) => changed(context, await honest(context), (vector) => vector.fill(NaN))),
    ENDS,
    /NaN/
  ],
  [
    'is random without the seed',
    round(
      (honest) => async (context) => changed(context, await honest(context), (vector) => (vector[0] = Math.random()))
    ),
    ENDS,
    /strategy spirt with aggregator \w+: in round 0 \d peers made \d different updates/
  ],
  [
    'is random by the first peer, whose update all take',
    broken(() => ({ round: randomLeader, traffic: leaderTraffic })),
    ONE_HASH,
    /two hashes/
  ],
  ['averages, whatever the rule', round(() => averaged), BY_THE_RULE, /got one hash with the rules mean and median/],
  [
    'leaves out the last that was given',
    round(() => mergedOf((manifests) => manifests.slice(0, Math.max(1, manifests.length - 1)))),
    OF_EVERY_PEER,
    /when the gradients of peer 3 are others/
  ],
  [
    'takes the first half',
    round(() => mergedOf((manifests) => manifests.slice(0, Math.ceil(manifests.length / 2)))),
    OF_EVERY_PEER,
    /when the gradients of peer 2 are others/
  ],
  [
    'says that it sends less',
    broken((honest) => ({ traffic: (init) => ({ ...honest.traffic(init), sent: 0 }) })),
    'sends and receives what its formula says, among 3 peers',
    /rank 0 sent \d+ bytes/
  ],
  [
    'keeps keys of its own',
    round((honest) => async (context) => {
      const lease = context.store.lease(100)
      lease.vector.fill(context.round)
      await context.store.put(`mine:${context.round}`, lease)
      return honest(context)
    }),
    PAST,
    /bytes more/
  ],
  [
    'does not release what it reads',
    round((honest) => async (context) => {
      await context.store.get(context.state)
      return honest(context)
    }),
    PAST,
    /bytes more/
  ],
  [
    'waits for all peers, whoever they are',
    round((honest) => async (context) => {
      if (context.view.members.length < 4 && context.round > 4) await context.receive('all', context.self)
      return honest(context)
    }),
    'goes on when peer 0 is killed in the middle'
  ],
  [
    'does something else with what one peer alone gives',
    round(
      (honest) => async (context) =>
        changed(context, await honest(context), (vector) => vector.forEach((value, at) => (vector[at] = value / 2)))
    ),
    'with one peer is the baseline, to the bit',
    /hash of the parameters/
  ],
  [
    'merges only when all have given something',
    round(() => async (context) => {
      await contribution(context)
      const manifests = await context.agreed()
      if (manifests.length < context.view.members.length) await new Promise(() => {})
      return merged(context, manifests)
    }),
    'goes on without a peer that is late, which follows'
  ],
  [
    'does without what cannot be read',
    round(() => async (context) => {
      await contribution(context)
      const manifests = await context.agreed()
      const read = await Promise.all(
        manifests.map((manifest) =>
          context.fetch([manifest]).then(
            () => manifest,
            () => undefined
          )
        )
      )
      return merged(
        context,
        read.flatMap((manifest) => manifest ?? [])
      )
    }),
    'takes nothing from peer 2 when it sends other bytes than it said'
  ]
])('a strategy that %s is found out', async (_what, factory, law, why = /./) => {
  const create = () => makePlugin('strategy', 'strategy', factory, { minibatches: 2 })
  // the laws that come first, and the one in question: each takes a whole run
  const laws = strategyLaws(create).filter(({ name, first }) => first === true || name === law)
  const found = await brokenLaws(judge('strategy', laws))
  expect([...found.keys()]).toContain(law)
  expect(found.get(law)).toMatch(why)
})

test('a strategy without a member is no strategy', async () => {
  const found = await brokenLaws(checkStrategy(broken(() => ({ round: undefined as never }))))
  expect([...found]).toEqual([['has the members of its kind', expect.stringContaining('has no "round"')]])
})

test('a good one holds all laws', async () => {
  expect((await checkStrategy(spirt, { tolerance: 0 })).laws.every(({ held }) => held)).toBe(true)
})

async function contribution({ minibatches, key, gradient, contribute }: RoundContext) {
  await contribute(async () => ({ key: key('gradient'), ...(await gradient(minibatches[0]!, key('gradient'))) }))
}

async function merged(context: RoundContext, manifests: readonly ContributionManifest[]): Promise<string> {
  const key = context.key('merged')
  await context.aggregate(await context.fetch(manifests), manifests, key)
  return key
}

async function averaged(context: RoundContext): Promise<string> {
  await contribution(context)
  const keys = await context.fetch(await context.agreed())
  await context.store.average(keys, context.key('merged'))
  return context.key('merged')
}

function mergedOf(choose: (manifests: readonly ContributionManifest[]) => readonly ContributionManifest[]): Round {
  return async (context) => {
    await contribution(context)
    return merged(context, choose(await context.agreed()))
  }
}

async function waits(context: RoundContext): Promise<string> {
  await contribution(context)
  await context.agreed()
  return context.receive('merged', context.role(0))
}

async function randomLeader(context: RoundContext): Promise<string> {
  await contribution(context)
  const manifests = await context.agreed()
  const leader = context.role(0)
  if (context.self !== leader) return context.receive('merged', leader)
  const keys = await context.fetch(manifests)
  await context.aggregate(keys, manifests, context.key('merged'))
  const key = await changed(context, context.key('merged'), (vector) => (vector[0] = Math.random()))
  return context.publish('merged', key)
}

function leaderTraffic({ peers, rank, bytes }: { peers: number; rank: number; bytes: number }) {
  const others = rank === 0 ? peers - 1 : 1
  return { sent: others * bytes, received: others * bytes }
}
