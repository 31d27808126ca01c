import { createHash } from 'node:crypto'
import {
  canonical,
  controlAnswers,
  controlMessages,
  controlRequests,
  type ControlRequest,
  type Mesh,
  type PeergradError
} from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

const PEERS = 4
/** Milliseconds without news after which a peer is asked, and what else a step takes here at most. */
const STEP = 250 + 20

let simulation: Simulation
afterEach(() => simulation.stop())

/** Nobody hears what it says of vectors that it makes. */
const unheard: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        if (controlMessages.decode(payload).kind !== 'derived') await honest.announce(payload)
      },
      tell: () => {}
    })
}

/** Counts what it is asked of vectors that it made. */
function counting(questions: ControlRequest[]): Disguise {
  return {
    mesh: (honest: Mesh) =>
      replace(honest, {
        request: (peer, payload, options) => {
          const request = controlRequests.decode(payload)
          if (request.kind === 'derived') questions.push(request)
          return honest.request(peer, payload, options)
        }
      })
  }
}

const all = (disguise: Disguise) => Object.fromEntries(Array.from({ length: PEERS }, (_, index) => [index, disguise]))
const rounds = (peers: readonly SimulatedPeer[]) =>
  peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'round' ? [event] : [])))

describe.each([
  ['all-reduce', 1],
  ['scatter-reduce', 1],
  ['ring', 2 * (PEERS - 1)]
])('%s', (strategy, steps) => {
  it('goes on where not one vector that somebody makes is heard of: whoever waits for it asks', async () => {
    simulation = new Simulation({ strategy, peers: PEERS, rounds: 3 })
    const peers = simulation.startAll(all(unheard))
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(rounds(peers)).toHaveLength(3 * PEERS)
    for (const { attempt, contributors, seconds } of rounds(peers)) {
      expect([attempt, contributors.length]).toEqual([0, PEERS])
      expect(seconds * 1000).toBeLessThan((steps + 1) * STEP)
    }
  })

  it('asks nobody where nothing is lost', async () => {
    const questions: ControlRequest[] = []
    simulation = new Simulation({ strategy, peers: PEERS, rounds: 3 }, { latency: () => 20 })
    simulation.startAll(all(counting(questions)))
    await simulation.results()
    expect(questions).toEqual([])
  })
})

describe('a question about vectors', () => {
  /** What the second of two peers in round 2 answers: its code, or what it says of vectors. */
  async function answered(asker: string, round: number): Promise<unknown> {
    simulation = new Simulation({ strategy: 'ring', peers: 2, rounds: 4 })
    const [, asked] = simulation.startAll()
    await simulation.when(() => rounds([asked]).length === 2)
    const mesh = simulation.peers.get(asker)?.mesh ?? simulation.network.join(asker)
    if (!mesh.connected().includes(asked.name)) await simulation.until(mesh.dial(`/memory/${asked.name}`))
    const run = createHash('sha256').update(canonical(simulation.manifest)).digest('hex')
    const question = controlRequests.encode({ kind: 'derived', run, round, ballot: 0, labels: ['sum.0', 'other'] })
    const answer = simulation.until(mesh.request(asked.name, question, { deadline: 1000 }))
    return answer.then(controlAnswers.decode, (error: unknown) => (error as PeergradError).code)
  }

  it('of another member is about those that are made in the round in hand', async () => {
    expect(await answered(peerName(0), 2)).toEqual({ kind: 'derived', vectors: [] })
    simulation.stop()
    expect(await answered(peerName(0), 3)).toBe('missing')
  })

  it('of who is none is not answered', async () => {
    expect(await answered(peerName(5), 2)).toBe('missing')
  })
})
