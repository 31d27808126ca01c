import { createHash } from 'node:crypto'
import { canonical, controlAnswers, controlRequests, type Engine, type GradientStore } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const at = (peer: SimulatedPeer, round: number) => () =>
  peer.events.some((event) => event.type === 'round' && event.round === round)
const happened = (peer: SimulatedPeer, type: string) => peer.events.filter((event) => event.type === type).length
const hashes = (results: readonly { parametersHash: string }[]) =>
  new Set(results.map(({ parametersHash }) => parametersHash)).size
const pass = (milliseconds: number) =>
  simulation.until(new Promise<void>((resolve) => simulation.clock.after(milliseconds, resolve)))
/** Peers whose gradients take a fifth of a second, so that few rounds outlast what happens. */
const startAll = (count: number) =>
  Array.from({ length: count }, (_, index) => simulation.start(peerName(index), { milliseconds: 200 }))
const names = (...indices: number[]) => indices.map(peerName)

describe.each(['spirt', 'all-reduce'])('%s, a partition', (strategy) => {
  it.each([
    ['a minority of one', [0], [1, 2, 3, 4]],
    ['a minority of two, with the founder', [0, 1], [2, 3, 4]],
    ['a minority of two', [3, 4], [0, 1, 2]]
  ])('%s: the majority goes on, the minority pauses, and they merge when it heals', async (_what, small, large) => {
    simulation = new Simulation({ strategy, peers: 5, rounds: 60 })
    const peers = startAll(5)
    await simulation.when(at(peers[0], 3))
    const heal = simulation.network.partition([names(...small), names(...large)])
    await simulation.when(() => small.every((index) => happened(peers[index], 'paused') > 0))
    await pass(4000)
    const stopped = small.map((index) => happened(peers[index], 'round'))
    const went = happened(peers[large[0]!], 'round')
    await pass(1000)
    expect(small.map((index) => happened(peers[index], 'round'))).toEqual(stopped)
    expect(happened(peers[large[0]!], 'round')).toBeGreaterThan(went)
    heal()
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(5).fill(['finished', 5]))
    expect(hashes(results)).toBe(1)
    for (const peer of peers) expect(happened(peer, 'diverged')).toBe(0)
  })
})

describe('a minority that is larger than the number of peers that are asked for the state at once', () => {
  it('finds those who have it, when none of its own has it any more', async () => {
    const small = Array.from({ length: 9 }, (_, index) => index)
    const large = Array.from({ length: 10 }, (_, index) => 9 + index)
    simulation = new Simulation({ peers: 19, rounds: 14 })
    const peers = [...small, ...large].map((index) => simulation.start(peerName(index), { milliseconds: 1000 }))
    await simulation.when(at(peers[0]!, 1))
    const heal = simulation.network.partition([names(...small), names(...large)])
    await simulation.when(at(peers[18]!, 6))
    heal()
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(19).fill(['finished', 19]))
    expect(hashes(results)).toBe(1)
  })
})

describe('no majority anywhere', () => {
  it('nobody trains on, and all go on when the halves meet again', async () => {
    simulation = new Simulation({ peers: 4, rounds: 30 })
    const peers = startAll(4)
    await simulation.when(at(peers[0], 3))
    const heal = simulation.network.partition([names(0, 1), names(2, 3)])
    await simulation.when(() => peers.every((peer) => happened(peer, 'paused') > 0))
    await pass(1000)
    const before = peers.map((peer) => happened(peer, 'round'))
    await pass(10_000)
    expect(peers.map((peer) => happened(peer, 'round'))).toEqual(before)
    heal()
    const results = await simulation.results()
    expect(hashes(results)).toBe(1)
    expect(results.every(({ status }) => status === 'finished')).toBe(true)
  })
})

describe('one bad link', () => {
  it.each([
    ['one way', (from: string, to: string) => from === peerName(0) && to === peerName(1)],
    ['both ways', (from: string, to: string) => [from, to].every((peer) => names(0, 1).includes(peer))],
    ['both ways, across', (from: string, to: string) => [from, to].every((peer) => names(0, 2).includes(peer))]
  ])('%s costs nobody its place', async (_what, where) => {
    for (const strategy of ['spirt', 'all-reduce', 'ring']) {
      simulation = new Simulation({ strategy, rounds: 40 })
      const peers = startAll(4)
      await simulation.when(at(peers[0], 3))
      simulation.network.impose({ blocked: true }, where)
      const results = await simulation.results()
      expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
      expect(hashes(results)).toBe(1)
      for (const peer of peers) expect(happened(peer, 'lost')).toBe(0)
      simulation.stop()
    }
  })
})

describe('two halves that never met', () => {
  /** One address is enough: who connects is told of all others. */
  const meet = async () => {
    for (const index of [2, 3]) await simulation.peers.get(peerName(index))!.mesh.dial(`/memory/${peerName(1)}`)
  }

  /** Two foundings of one run, the second one later, that hear of each other through a fifth peer. */
  async function halves(second: number, disguise: Disguise = {}) {
    simulation = new Simulation({ peers: 2, rounds: 40 })
    const slow = { milliseconds: 200 }
    const early = [simulation.start(peerName(0), slow), simulation.start(peerName(1), { ...slow, via: [peerName(0)] })]
    if (second > 0) await pass(second)
    const late = [
      simulation.start(peerName(2), { ...slow, via: [], disguise }),
      simulation.start(peerName(3), { ...slow, via: [peerName(2)], disguise })
    ]
    return { early, late }
  }

  /** What is asked, about the run. */
  function asking(what: { kind: 'donate' } | { kind: 'decision'; round: number }): Uint8Array {
    const run = createHash('sha256').update(canonical(simulation.manifest)).digest('hex')
    return controlRequests.encode({ ...what, run })
  }

  it.each([50, 2000])('the one founded %i ms later takes up the run of the first', async (later) => {
    const { early, late } = await halves(later)
    await simulation.when(at(late[0]!, 3))
    await simulation.when(at(early[0]!, 3))
    await meet()
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
    expect(hashes(results)).toBe(1)
    for (const peer of late) expect(happened(peer, 'merged')).toBe(1)
    for (const peer of early) expect(happened(peer, 'merged')).toBe(0)
  })

  it('go on from the round of the first where the second one was further', async () => {
    simulation = new Simulation({ peers: 2, rounds: 40 })
    const slow = { milliseconds: 400 }
    simulation.start(peerName(0), slow)
    simulation.start(peerName(1), { ...slow, via: [peerName(0)] })
    await pass(500)
    const late = simulation.start(peerName(2), { milliseconds: 50, via: [] })
    simulation.start(peerName(3), { milliseconds: 50, via: [peerName(2)] })
    await simulation.when(at(late, 20))
    await meet()
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
    expect(hashes(results)).toBe(1)
  })

  describe.each(['makes its first model', 'steps its model'])('and meet while the second one %s', (moment) => {
    let early: SimulatedPeer[]
    let late: SimulatedPeer[]
    beforeEach(async () => {
      let lingering = 0
      const linger = async () => {
        lingering += 1
        await new Promise<void>((resolve) => simulation.clock.after(1000, resolve))
      }
      const lingers: Disguise =
        moment === 'steps its model'
          ? {
              store: (honest: GradientStore) =>
                replace(honest, {
                  applyUpdate: async (request) => {
                    if (request.step === 4) await linger()
                    return honest.applyUpdate(request)
                  }
                })
            }
          : {
              engine: (honest: Engine) =>
                replace(honest, {
                  initialise: async (seed, into) => {
                    await linger()
                    return honest.initialise(seed, into)
                  }
                })
            }
      ;({ early, late } = await halves(2000, lingers))
      await simulation.when(() => lingering === 2)
      await meet()
      await simulation.when(() => late.every((peer) => happened(peer, 'merged') > 0), { limit: 900 })
    })

    it('merge', async () => {
      const results = await simulation.results()
      expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
      expect(hashes(results)).toBe(1)
    })

    it('are given nothing of what the second one trained', async () => {
      const asked = early[0]!.mesh.request(late[0]!.name, asking({ kind: 'donate' }), { deadline: 1000 })
      await expect(simulation.until(asked)).rejects.toMatchObject({ code: 'missing' })
    })
  })

  it('tell nobody what the second one decided by itself', async () => {
    const { early, late } = await halves(50)
    await simulation.when(at(late[0]!, 3))
    await meet()
    await simulation.when(at(late[0]!, 4))
    const question = asking({ kind: 'decision', round: 3 })
    const ask = ({ mesh }: SimulatedPeer, peer: SimulatedPeer) =>
      simulation.until(mesh.request(peer.name, question, { deadline: 1000 }).then(controlAnswers.decode))
    expect(await ask(late[0]!, early[0]!)).toMatchObject({ kind: 'decided', decision: { ballot: 0 } })
    expect(await ask(early[0]!, late[0]!)).toEqual({ kind: 'decided', decision: null, accepts: [] })
  })

  it('that both still wait for peers begin together', async () => {
    simulation = new Simulation({ peers: 4, rounds: 20 })
    simulation.start(peerName(0))
    simulation.start(peerName(1), { via: [peerName(0)] })
    await pass(100)
    simulation.start(peerName(2), { via: [] })
    simulation.start(peerName(3), { via: [peerName(2)] })
    await pass(1000)
    await meet()
    const results = await simulation.results()
    expect(results.map(({ rounds, members }) => [rounds, members.length])).toEqual(Array(4).fill([20, 4]))
    expect(hashes(results)).toBe(1)
  })
})
