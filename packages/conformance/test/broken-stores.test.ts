import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { checkStore, judge, storeLaws, type StoreUnderTest } from '@peergrad/conformance'
import { replace } from '@peergrad/conformance/simulation'
import { Arena, PeergradError, resolvePlugin, virtualClock, type GradientStore } from '@peergrad/core'
import { MemoryStore, spawnInline } from '@peergrad/store'
import { aggregators, filters } from '@peergrad/strategies'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** What a bad driver does otherwise than the store that it is made of. */
type Changes = (honest: GradientStore) => Partial<GradientStore>

function open(changes: Changes): StoreUnderTest {
  const clock = virtualClock()
  const honest = new MemoryStore({ arena: Arena.create({ bytes: 16 << 20 }), clock }, spawnInline(sha256))
  return { store: replace<GradientStore>(honest, changes(honest)), advance: (ms) => clock.advance(ms) }
}

test('a good store holds all laws', async () => {
  const create = () => ({
    name: 'good',
    describe: 'the store in memory',
    open: async ({ arena, clock }: { arena: Arena; clock: ReturnType<typeof virtualClock> }) =>
      new MemoryStore({ arena, clock }, spawnInline(sha256))
  })
  expect(await brokenLaws(checkStore(create as never))).toEqual(new Map())
})

test('a driver without open is none', async () => {
  const found = await brokenLaws(checkStore(() => ({ name: 'bad', describe: 'opens nothing' }) as never))
  expect([...found]).toEqual([['has the members of its kind', expect.stringContaining('has no "open"')]])
})

const MEAN = resolvePlugin(aggregators, 'mean')
const ALL = resolvePlugin(filters, 'significant:v=0')
const UNPACKED = 'refuses to unpack what nobody packs, and what is of another length'

test.each<[string, Changes, string]>([
  ['lacks a member', () => ({ combine: undefined as never }), 'opens what has the members of a store'],
  [
    'loses the sign of a zero',
    (honest) => ({
      put: (key, lease, options) => {
        lease.vector.forEach((value, i) => (lease.vector[i] = value + 0))
        return honest.put(key, lease, options)
      }
    }),
    'gives back the very bits that were put'
  ],
  [
    'says nothing of other bytes under a key',
    (honest) => ({
      put: async (key, lease, options) => ((await honest.has(key)) ? lease.release() : honest.put(key, lease, options))
    }),
    'writes a key once: the same bits again change nothing, others are a conflict'
  ],
  [
    'looks for what is under a key when it has the time',
    (honest) => ({
      get: async (key) => {
        await turn()
        return honest.get(key)
      }
    }),
    'gives a reader all of one version, whatever becomes of the key while it reads'
  ],
  [
    'says something else of what is missing',
    (honest) => ({ get: (key) => honest.get(key).catch(() => Promise.reject(new PeergradError('unknown', 'gone'))) }),
    'names everything that is missing, and makes nothing of the rest'
  ],
  [
    'lists keys in any order',
    (honest) => ({ keys: async (prefix) => (await honest.keys(prefix)).reverse() }),
    'lists keys by prefix, in order, and deletes what is there'
  ],
  [
    'never forgets',
    (honest) => ({ put: (key, lease) => honest.put(key, lease) }),
    'forgets a key when its time is up, by the clock that it was given, and not before'
  ],
  [
    'lends less than was asked for',
    (honest) => ({ lease: (length) => honest.lease(Math.min(length, 1000)) }),
    'refuses what is past its budget, and changes nothing'
  ],
  [
    'keeps what was deleted',
    (honest) => ({ delete: async (keys) => honest.delete(keys.filter((key) => !key.startsWith('mean'))) }),
    'is flat over vectors that come and go, and over calls that are refused'
  ],
  [
    'averages in an order of its own',
    (honest) => ({ average: (from, to) => honest.average([...from].sort(), to) }),
    "averages with the bits of core's mean, in the order given"
  ],
  [
    'knows one rule only',
    (honest) => ({ aggregate: (request) => honest.aggregate({ ...request, rule: MEAN }) }),
    'aggregates by median with the bits of the rule itself'
  ],
  [
    'counts no steps',
    (honest) => ({ applyUpdate: (request) => honest.applyUpdate({ ...request, step: 1 }) }),
    "steps by adam with the bits of core's optimiser, once for a call that comes twice, and takes the buffers as they come"
  ],
  [
    'steps its buffers',
    (honest) => ({ applyUpdate: (request) => honest.applyUpdate({ ...request, parameters: request.parameters + 1 }) }),
    "steps by sgd with the bits of core's optimiser, once for a call that comes twice, and takes the buffers as they come"
  ],
  [
    'combines without the factors',
    (honest) => ({
      combine: ({ terms, to }) => honest.combine({ terms: terms.map((term) => ({ ...term, factor: 1 })), to })
    }),
    'combines vectors in the order given, each product and sum rounded'
  ],
  [
    'sends everything, whatever the filter',
    (honest) => ({ filter: (request) => honest.filter({ ...request, filter: ALL }) }),
    'filters by significant:v=0.5: each coordinate is sent whole or waits whole, and buffers are sent'
  ],
  [
    'unpacks anything',
    (honest) => ({
      unpack: (request) => honest.unpack(request).catch(() => honest.put(request.to, honest.lease(request.length)))
    }),
    UNPACKED
  ],
  [
    'writes digests its own way',
    (honest) => ({ digest: async (key) => (await honest.digest(key)).toUpperCase() }),
    'knows the SHA-256 of a vector, its norm, and its first element that is not finite'
  ],
  [
    'goes on after it was closed',
    () => ({ close: async () => {} }),
    'takes no call after it is closed, and closes twice'
  ]
])('a store that %s is found out', async (_what, changes, law) => {
  const laws = storeLaws(async () => open(changes)).filter(({ name, first }) => first === true || name === law)
  expect([...(await brokenLaws(judge('store', laws))).keys()]).toContain(law)
})
