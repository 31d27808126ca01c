import assert from 'node:assert/strict'
import { replace, type Disguise, type RunManifest, type Strategy } from '@peergrad/core'
import type { PeerResult } from '@peergrad/peer'
import { assertNamed } from './arrays.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'
import { altered, medianFits } from './merging.js'
import { MANIFEST, peerName, Simulation, type SimulatedPeer } from './simulation/simulation.js'

export interface StrategyProperties {
  /** share by which the bytes on the links may differ from what `traffic` says; 3 % unless given */
  readonly tolerance?: number
  /** with one peer it is the built-in `local`, to the bit; true unless given, or the strategy steps by an `outer` optimiser */
  readonly equalsLocal?: boolean
}

/** Floats of the simulated model, as bytes. */
const BYTES = 1500 * 4

/** Virtual milliseconds in which a run of a few rounds must end. */
const LIMIT = 300_000

/**
 * The laws of an architecture of exchange, among peers on a network in memory under a virtual clock. Rejects with a
 * report of those that do not hold.
 */
export async function checkStrategy(
  subject: Subject<'strategy'>,
  { options, stuckAfter, ...properties }: StrategyProperties & CheckOptions = {}
): Promise<Report> {
  const { who, create, watch } = await examine('strategy', subject, {
    options: { minibatches: MANIFEST.minibatches, ...options },
    stuckAfter
  })
  return judge(who, [members(create), ...strategyLaws(create, properties)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh strategy. */
export function strategyLaws(
  create: () => Strategy,
  { tolerance = 0.03, equalsLocal }: StrategyProperties = {}
): Law[] {
  return [
    {
      name: 'says its name and what it is',
      prove() {
        const strategy = create()
        assertNamed(strategy)
        assert.equal(strategy.kind, 'exchange')
      }
    },
    {
      name: 'ends its rounds',
      first: true,
      prove: () => inSimulation(create, { rounds: 3 }, (simulation) => ended(simulation, 3))
    },
    asLocal(create, equalsLocal),
    {
      name: 'ends with one hash at all peers, the same for the same seed, another for another',
      async prove() {
        const run = (seed: number) => hashOf(create, { seed })
        const [first, again, other] = [await run(1), await run(1), await run(2)]
        assert.equal(
          again,
          first,
          'two runs of one seed ended with two hashes: is something random that is not seeded?'
        )
        assert.notEqual(other, first, 'runs of two seeds ended with one hash')
      }
    },
    byTheRule(create),
    ofEveryPeer(create),
    ...[2, 3, 5].map((peers) => formula(create, peers, tolerance)),
    ...[0, 1, 3].map((victim) => survivor(create, victim)),
    {
      name: 'goes on without a peer that is late, which follows',
      prove: () =>
        inSimulation(create, { rounds: 6 }, async (simulation) => {
          const late = MANIFEST.peers - 1
          for (let index = 0; index < late; index++) simulation.start(peerName(index))
          simulation.start(peerName(late), { milliseconds: 3 * MANIFEST.deadline })
          oneHash(await ended(simulation, 6))
        })
    },
    ...[0, 2].map((liar) => undeceived(create, liar)),
    {
      name: 'keeps nothing of rounds that are past',
      async prove() {
        // what a filter sends is longer in one round than in another
        const held = (rounds: number) =>
          inSimulation(create, { rounds, filter: 'none' }, async (simulation) => {
            await ended(simulation, rounds)
            return Promise.all([...simulation.peers.values()].map(async ({ store }) => (await store.usage()).bytes))
          })
        const [early, late] = [await held(8), await held(16)]
        const more = late.map((bytes, index) => bytes - early[index])
        assert.ok(
          more.every((bytes) => bytes <= 0),
          `after 16 rounds the stores hold ${more.join(', ')} bytes more than after 8: keys that are not from context.key, or leases that are not released`
        )
      }
    }
  ]
}

function asLocal(create: () => Strategy, wanted: boolean | undefined): Law {
  return {
    name: 'with one peer is the baseline, to the bit',
    claimed() {
      const { outer, ownModels } = create()
      // an outer step of its own is no step of the baseline
      return wanted ?? (outer === undefined || ownModels === true)
    },
    async prove() {
      const { minibatches } = create()
      const alone = await inSimulation(create, { peers: 1, filter: 'none' }, (simulation) =>
        ended(simulation, MANIFEST.rounds)
      )
      const local = await inSimulation(undefined, { peers: 1, strategy: 'local', minibatches }, (simulation) =>
        ended(simulation, MANIFEST.rounds)
      )
      const sent = alone.map((result) => [result.tensorBytesSent, result.tensorBytesReceived])
      assert.deepEqual(sent, [[0, 0]], 'bytes sent and received')
      assert.equal(oneHash(alone), oneHash(local), 'hash of the parameters')
    }
  }
}

function byTheRule(create: () => Strategy): Law {
  return {
    name: 'merges by the rule of the run, unless it refuses it or combines by itself',
    claimed: () => medianFits(create()),
    async prove() {
      assert.notEqual(
        await hashOf(create, { aggregator: 'median' }),
        await hashOf(create, { aggregator: 'mean' }),
        'got one hash with the rules mean and median; expected two: merge by context.aggregate, say what it refuses, or that it combines'
      )
    }
  }
}

function ofEveryPeer(create: () => Strategy): Law {
  return {
    name: 'takes what every peer gives into the result',
    async prove() {
      const honest = await hashOf(create, { rounds: 6 })
      for (let index = 0; index < MANIFEST.peers; index++) {
        const hash = await inSimulation(create, { rounds: 6 }, async (simulation) => {
          simulation.startAll({ [index]: altered })
          return oneHash(await ended(simulation, 6))
        })
        assert.notEqual(
          hash,
          honest,
          `got the same hash when the gradients of peer ${index} are others; expected another: merge all that agreed() gives`
        )
      }
    }
  }
}

/** With which all peers end. */
function hashOf(create: () => Strategy, manifest: Partial<RunManifest> = {}): Promise<string> {
  const { rounds = MANIFEST.rounds } = manifest
  return inSimulation(create, manifest, async (simulation) => oneHash(await ended(simulation, rounds)))
}

function formula(create: () => Strategy, peers: number, tolerance: number): Law {
  return {
    name: `sends and receives what its formula says, among ${peers} peers`,
    async prove() {
      const strategy = create()
      const results = await inSimulation(create, { peers, filter: 'none' }, (simulation) =>
        ended(simulation, MANIFEST.rounds)
      )
      for (const { rank, tensorBytesSent, tensorBytesReceived } of results) {
        const [said, last] = [false, true].map((last) => strategy.traffic({ peers, rank, bytes: BYTES, last }))
        for (const [what, counted, expected] of [
          ['sent', tensorBytesSent, (MANIFEST.rounds - 1) * said.sent + last.sent],
          ['received', tensorBytesReceived, (MANIFEST.rounds - 1) * said.received + last.received]
        ] as const) {
          const close = Math.abs(counted - expected) <= tolerance * expected
          assert.ok(close, `rank ${rank} ${what} ${counted} bytes in ${MANIFEST.rounds} rounds, expected ${expected}`)
        }
      }
    }
  }
}

function survivor(create: () => Strategy, victim: number): Law {
  return {
    name: `goes on when peer ${victim} is killed in the middle`,
    prove: () =>
      inSimulation(create, {}, async (simulation) => {
        const peers = simulation.startAll()
        const [witness] = peers.filter((_, index) => index !== victim)
        await simulation.when(() => witness.events.some((event) => event.type === 'round' && event.round === 4))
        simulation.kill(peerName(victim))
        const results = await ended(simulation, MANIFEST.rounds)
        const left = results.map(({ members }) => members.length)
        assert.deepEqual(left, Array(MANIFEST.peers - 1).fill(MANIFEST.peers - 1), 'members of the last view')
        oneHash(results)
      })
  }
}

function undeceived(create: () => Strategy, liar: number): Law {
  return {
    name: `takes nothing from peer ${liar} when it sends other bytes than it said`,
    prove: () =>
      inSimulation(create, { rounds: 4, deadline: 300 }, async (simulation) => {
        const peers = simulation.startAll({ [liar]: wrongDigest })
        const honest = peers.filter((_, index) => index !== liar)
        const results = await simulation.until(Promise.all(honest.map(({ result }) => result)), { limit: LIMIT })
        assert.deepEqual(
          results.map(({ rounds }) => rounds),
          honest.map(() => 4),
          'rounds'
        )
        oneHash(results)
        // one with models of its own may agree on whoever is there: each takes only what it could verify
        if (create().ownModels === true) return
        const taken = honest.some(({ events }) =>
          events.some((event) => event.type === 'round' && event.contributors.includes(peerName(liar)))
        )
        assert.ok(!taken, 'a round took its contribution')
      })
  }
}

/** Serves other bytes than its digests say. */
const wrongDigest: Disguise = {
  mesh: (honest) =>
    replace(honest, {
      serve: (digest, vector) => honest.serve(digest, new Float32Array(new SharedArrayBuffer(vector.byteLength)))
    })
}

async function inSimulation<T>(
  create: (() => Strategy) | undefined,
  manifest: Partial<RunManifest>,
  work: (simulation: Simulation) => Promise<T>
): Promise<T> {
  const simulation = new Simulation(manifest, create === undefined ? {} : { strategy: create })
  try {
    return await work(simulation)
  } finally {
    simulation.stop()
  }
}

/** Starts the peers, if nobody did, and waits until each has finished all rounds. */
async function ended(simulation: Simulation, rounds: number): Promise<PeerResult[]> {
  const peers: readonly SimulatedPeer[] =
    simulation.lives.length > 0 ? [...simulation.peers.values()] : simulation.startAll()
  const results = await simulation.until(Promise.all(peers.map(({ result }) => result)), { limit: LIMIT })
  assert.deepEqual(
    results.map((result) => [result.status, result.rounds]),
    results.map(() => ['finished', rounds]),
    'how the peers ended, and after how many rounds'
  )
  return results
}

function oneHash(results: readonly PeerResult[]): string {
  const hashes = new Set(results.map(({ parametersHash }) => parametersHash))
  assert.equal(hashes.size, 1, `${hashes.size} hashes at ${results.length} peers`)
  return results[0].parametersHash
}
