import { controlMessages, type Mesh, type RunEvent } from '@peergrad/core'
import { gossip } from '@peergrad/strategies'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const SGD = { optimiser: { name: 'sgd', learningRate: 0.1 } } as const
const COMPUTE = 100
const SLOW = 3
const PARAMETERS = 1496

/** Rounds in which the slow peer gave a step. */
let stepped: Set<number>

/** Peers of which one takes so many times as long for a gradient. */
function start(strategy: string, { times = 1, rounds = 60, peers = 4, deadline = 5000 }): SimulatedPeer[] {
  simulation = new Simulation({ strategy, peers, rounds, minibatches: 1, deadline, ...SGD })
  stepped = new Set()
  const mesh = (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        const message = controlMessages.decode(payload)
        if (message.kind === 'manifest' && message.samples > 0) stepped.add(message.round)
        await honest.announce(payload)
      }
    })
  return Array.from({ length: peers }, (_, index) =>
    index === SLOW
      ? simulation.start(peerName(index), { milliseconds: times * COMPUTE, disguise: { mesh } })
      : simulation.start(peerName(index), { milliseconds: COMPUTE })
  )
}

type RoundEvent = Extract<RunEvent, { type: 'round' }> & { readonly at: number }
const rounds = ({ events }: SimulatedPeer) => events.filter((event): event is RoundEvent => event.type === 'round')
/** Virtual milliseconds from the end of the first round to that of the last. */
function lasted(peer: SimulatedPeer): number {
  const ended = rounds(peer).map(({ at }) => at)
  return ended[ended.length - 1] - ended[0]
}

/** How far the parameters of a peer are from the mean of all, at most; Euclidean. */
async function distance(peers: readonly SimulatedPeer[]): Promise<number> {
  const models = await Promise.all(
    peers.map(async ({ store }) => {
      const states = (await store.keys('state:')).map((key) => Number(key.split(':')[1]))
      const lease = await store.get(`state:${Math.max(...states)}`)
      // the rest are buffers
      const model = Float64Array.from(lease.vector.subarray(0, PARAMETERS))
      lease.release()
      return model
    })
  )
  const mean = models[0].map((_, i) => models.reduce((sum, model) => sum + model[i], 0) / models.length)
  return Math.max(...models.map((model) => Math.hypot(...model.map((value, i) => value - mean[i]))))
}

describe('gossip that waits for no slow peer', () => {
  it('makes its rounds at the pace of the others when one is five times slower, and hears that one', async () => {
    const times: Record<string, number> = {}
    for (const [name, strategy, slower] of [
      ['alike', 'gossip:async=true', 1],
      ['waiting', 'gossip', 5],
      ['not waiting', 'gossip:async=true', 5]
    ] as const) {
      const peers = start(strategy, { times: slower })
      const results = await simulation.results()
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      expect(results[0].loss).toBeLessThan(0.05)
      times[name] = lasted(peers[0])
      if (name !== 'not waiting') continue
      for (const { contributors } of rounds(peers[0])) expect(contributors).toContain(peerName(SLOW))
      expect(stepped.size).toBeGreaterThan((0.7 * lasted(peers[0])) / (5 * COMPUTE))
      expect(stepped.size).toBeLessThan(60 / 4)
    }
    expect(times['not waiting']).toBeLessThan(1.2 * times['alike'])
    expect(times['waiting']).toBeGreaterThan(4 * times['not waiting'])
  })

  it('keeps the models near each other, about as near as if it waited', async () => {
    const distances: Record<string, number[]> = {}
    for (const strategy of ['gossip', 'gossip:async=true']) {
      const peers = start(strategy, { times: 5, peers: 6 })
      distances[strategy] = []
      for (const round of [20, 35, 50]) {
        await simulation.when(() => rounds(peers[0]).some((event) => event.round === round))
        distances[strategy].push(await distance(peers))
      }
    }
    // four times as far where nobody averages and all are as quick
    const bound = 2 * Math.max(...distances['gossip'])
    for (const each of distances['gossip:async=true']) expect(each).toBeLessThan(bound)
  })

  it('takes a gradient that is longer on its way than a deadline, once it is there', async () => {
    const peers = start('gossip:async=true', { times: 10, deadline: 300 })
    const results = await simulation.results()
    expect(results.map(({ status, rounds: made }) => [status, made])).toEqual(Array(4).fill(['finished', 60]))
    expect(stepped.size).toBeGreaterThan((0.7 * lasted(peers[0])) / (10 * COMPUTE))
    expect(peers[0].events.some(({ type }) => type === 'suspected' || type === 'paused')).toBe(false)
  })

  it('goes on when the slow peer dies in the middle of a gradient, and takes it in again', async () => {
    const peers = start('gossip:async=true', { times: 5 })
    await simulation.when(() => rounds(peers[0]).some(({ round }) => round === 7))
    simulation.kill(peerName(SLOW))
    await simulation.when(() => rounds(peers[0]).some(({ round }) => round === 25))
    simulation.start(peerName(SLOW), { milliseconds: 5 * COMPUTE })
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.every(({ members }) => members.length === 4)).toBe(true)
  })

  it('averages each step: several between two exchanges are refused', () => {
    expect(() => gossip({ async: true, every: 3 })).toThrow(/gossip\.every: got 3 with async=true, expected 1/)
  })
})
