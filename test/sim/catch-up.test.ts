import { controlRequests, PeergradError, type Mesh, type Vector } from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

/** Bytes a second at which a round of four peers takes a quarter of a second for its vectors of 6 kB. */
const SLOW = 72_000

const at = (peer: SimulatedPeer, round: number) => () =>
  peer.events.some((event) => event.type === 'round' && event.round === round)
const happened = (peer: SimulatedPeer, type: string) => peer.events.filter((event) => event.type === type).length
const hashes = (results: readonly { parametersHash: string }[]) =>
  new Set(results.map(({ parametersHash }) => parametersHash)).size
const inView = (peer: SimulatedPeer, name: string) => () =>
  peer.events.some((event) => event.type === 'view' && event.members.includes(name))
const startAll = (count: number, disguises: Record<number, Disguise> = {}, milliseconds = 100) =>
  Array.from({ length: count }, (_, index) =>
    simulation.start(peerName(index), { milliseconds, disguise: disguises[index] })
  )

/** Bytes of vectors that a peer sent to another one. */
const sent = (peer: SimulatedPeer, to: string) =>
  peer.mesh.links().find((link) => link.peer === to)?.tensorBytesSent ?? 0

describe('a newcomer', () => {
  it('is in the next round but one, with all that the others have', async () => {
    simulation = new Simulation({ rounds: 20 })
    const peers = startAll(4)
    await simulation.when(at(peers[0], 5))
    const newcomer = simulation.start(peerName(4), { milliseconds: 100 })
    await simulation.when(() => happened(newcomer, 'round') > 0)
    await simulation.when(inView(peers[0], peerName(4)))
    const last = peers[0].events.findLast(({ type }) => type === 'round')
    expect(last).toMatchObject({ round: expect.toSatisfy((round: number) => round <= 7) as number })
    const results = await simulation.results()
    expect(hashes(results)).toBe(1)
    for (const peer of peers) expect(happened(peer, 'diverged')).toBe(0)
  })

  it('gets in although its greeting of who coordinates was lost with a connection that another one replaced', async () => {
    simulation = new Simulation({ rounds: 20 })
    const peers = startAll(4)
    await simulation.when(at(peers[0], 3))
    let lost = 0
    const loses: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          request: async (peer, payload, options) => {
            const request = controlRequests.decode(payload)
            const greets = request.kind === 'join' && request.manifest !== null
            if (!greets || peer !== peerName(0) || lost > 0) return honest.request(peer, payload, options)
            lost += 1
            throw new PeergradError('unreachable', 'the stream was closed while it was read')
          }
        })
    }
    simulation.start(peerName(4), { disguise: loses, milliseconds: 100 })
    await simulation.when(inView(peers[0], peerName(4)))
    expect(lost).toBe(1)
    expect(hashes(await simulation.results())).toBe(1)
  })

  describe('that only the coordinator has met', () => {
    let shy: boolean
    const greetsOne: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          request: async (peer, payload, options) => {
            const { kind } = controlRequests.decode(payload)
            if (!shy || kind !== 'join' || peer === peerName(0)) return honest.request(peer, payload, options)
            throw new PeergradError('unreachable', 'the stream was closed while it was read')
          },
          on: (type, listener) =>
            honest.on(type, (event) => {
              if (shy && type === 'request' && (event as { from: string }).from !== peerName(0)) return
              listener(event)
            })
        })
    }
    /** Rounds that went on without their first coordinator. */
    const costs = ({ events }: SimulatedPeer) =>
      events.flatMap((event) =>
        event.type === 'round' && event.round > 3 && !event.contributors.includes(peerName(0)) ? [event.round] : []
      )

    it('costs a round now and then, and more and more seldom, and gets in once it has met the others', async () => {
      shy = true
      simulation = new Simulation({ rounds: 60, deadline: 5000 })
      const peers = startAll(4, {}, 1000)
      await simulation.when(at(peers[0], 3))
      simulation.start(peerName(4), { disguise: greetsOne, milliseconds: 1000 })
      await simulation.when(at(peers[0], 25))
      const gaps = costs(peers[1]).map((round, index, rounds) => round - (rounds[index - 1] ?? round))
      expect(gaps.slice(1)).toEqual(gaps.slice(1).toSorted((a, b) => a - b))
      expect(gaps.length).toBeGreaterThan(1)
      expect(gaps.length).toBeLessThanOrEqual(5)
      shy = false
      await simulation.when(inView(peers[0], peerName(4)))
      expect(hashes(await simulation.results())).toBe(1)
    })

    it('and meets the others a moment later, gets in a moment after that', async () => {
      shy = true
      simulation = new Simulation({ rounds: 20, deadline: 5000 })
      const peers = startAll(4, {}, 500)
      await simulation.when(at(peers[0], 3))
      simulation.start(peerName(4), { disguise: greetsOne, milliseconds: 500 })
      await simulation.when(() => costs(peers[1]).length > 0)
      shy = false
      const met = simulation.clock.now()
      await simulation.when(inView(peers[0], peerName(4)))
      expect(simulation.clock.now() - met).toBeLessThan(4000)
      expect(hashes(await simulation.results())).toBe(1)
    })
  })

  it('takes its state from several donors, and none of them twice', async () => {
    simulation = new Simulation({ rounds: 60 })
    const peers = startAll(4)
    await simulation.when(at(peers[0], 5))
    const before = peers.map((peer) => sent(peer, peerName(4)))
    expect(before).toEqual([0, 0, 0, 0])
    const taken: string[] = []
    const counts: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          fetch: async (request) => {
            const report = await honest.fetch(request)
            if (request.offset !== undefined) taken.push(report.from)
            return report
          }
        })
    }
    simulation.start(peerName(4), { disguise: counts, milliseconds: 100 })
    await simulation.when(inView(peers[0], peerName(4)))
    // a vector of parameters and one of moments, each a part of its own, from two peers at once
    expect(taken).toHaveLength(2)
    expect(new Set(taken).size).toBe(2)
    await simulation.results()
  })

  it('catches up over links on which each round takes as long as its vectors, and slows them by no more than a tenth', async () => {
    simulation = new Simulation({ rounds: 120 }, { bandwidth: SLOW })
    const peers = startAll(4)
    await simulation.when(at(peers[0], 20))
    const newcomer = simulation.start(peerName(4), { milliseconds: 100 })
    await simulation.when(() => peers.some((peer) => inView(peer, peerName(4))()))
    const joined = simulation.clock.now()
    const ended = peers[0].events.filter((event) => event.type === 'round' && event.at <= joined).map(({ at }) => at)
    const began = newcomer.events[0]!.at
    const alone = ended.filter((time) => time < began)
    const together = ended.filter((time) => time >= began)
    const mean = (times: number[]) => (times.at(-1)! - times[0]!) / (times.length - 1)
    expect(together.length).toBeGreaterThan(1)
    expect(mean([alone.at(-1)!, ...together])).toBeLessThan(1.1 * mean(alone.slice(5)))
    const results = await simulation.results()
    expect(hashes(results)).toBe(1)
  })

  it.each(['dies', 'lies'])('whose donor %s takes the state from the others', async (what) => {
    let donated = false
    const donor: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          serve: (digest, vector) => {
            const wrong = new Float32Array(new SharedArrayBuffer(vector.byteLength)) as Vector
            honest.serve(digest, what === 'lies' && donated ? wrong : vector)
          },
          on: (type, listener) =>
            honest.on(type, (event) => {
              if (type === 'request' && Buffer.from((event as { payload: Uint8Array }).payload).includes('donate')) {
                donated = true
              }
              listener(event)
            })
        })
    }
    simulation = new Simulation({ rounds: 60, deadline: 500 })
    const peers = startAll(4, { 1: donor })
    await simulation.when(at(peers[0], 5))
    const newcomer = simulation.start(peerName(4), { milliseconds: 100 })
    if (what === 'dies') {
      const off = simulation.network.on('begun', ({ from, to }) => {
        if (from === peerName(1) && to === peerName(4)) simulation.kill(peerName(1))
      })
      await simulation.when(() => donated)
      await simulation.when(() => happened(newcomer, 'healed') > 0)
      off()
    }
    const honest = () => [...simulation.peers.values()].filter(({ name }) => name !== peerName(1))
    const results = await simulation.until(Promise.all(honest().map(({ result }) => result)))
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('finished'))
    expect(hashes(results)).toBe(1)
    expect(results[0]!.members).toContain(peerName(4))
  })

  it('that was given a wrong state by a donor alone finds out by the hash of the others, and takes it anew', async () => {
    // the digest that this donor names is that of what it gives: only the others can say that it is wrong
    const liar: Disguise = {
      store: (honest) =>
        replace(honest, {
          applyUpdate: (request) => honest.applyUpdate({ ...request, learningRate: 1.5 * request.learningRate })
        }),
      mesh: (honest) => replace(honest, { beat: () => {} })
    }
    simulation = new Simulation({ rounds: 80 })
    const peers = startAll(4, { 2: liar })
    await simulation.when(at(peers[0], 3))
    const silent: Disguise = {
      mesh: (honest) =>
        replace(honest, {
          // the first to be asked is the liar
          request: (peer, payload, options) =>
            Buffer.from(payload).includes('donate') && peer !== peerName(2) && simulation.clock.now() < began + 300
              ? Promise.reject(new Error('busy'))
              : honest.request(peer, payload, options)
        })
    }
    const began = simulation.clock.now()
    const newcomer = simulation.start(peerName(4), { disguise: silent, milliseconds: 100 })
    const honest = [peers[0], peers[1], peers[3], newcomer]
    const results = await simulation.until(Promise.all(honest.map((peer) => peer!.result)))
    expect(hashes(results)).toBe(1)
    expect(results.at(-1)!.members).toContain(peerName(4))
  })
})

describe('a peer that comes back with its key', () => {
  it.each([0, 1, 2, 3])(
    'rank %i: is the same peer, at once or later, and the run ends with all four',
    async (victim) => {
      for (const gap of [50, 300, 2000]) {
        simulation = new Simulation({ rounds: 60 })
        const peers = startAll(4)
        const witness = peers[(victim + 1) % 4]
        await simulation.when(at(witness, 4))
        simulation.kill(peerName(victim))
        await simulation.until(new Promise<void>((resolve) => simulation.clock.after(gap, resolve)))
        simulation.start(peerName(victim), { milliseconds: 100 })
        const results = await simulation.results()
        expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
        expect(hashes(results)).toBe(1)
      }
    }
  )

  it('is believed when it suspects another one', async () => {
    const pass = (milliseconds: number) =>
      simulation.until(new Promise<void>((resolve) => simulation.clock.after(milliseconds, resolve)))
    simulation = new Simulation({ peers: 3, rounds: 14, deadline: 10_000 })
    const peers = startAll(3, {}, 3000)
    await simulation.when(at(peers[0], 0))
    // its lists of suspects have numbers by now
    simulation.suspend(peerName(2))
    await pass(3000)
    simulation.resume(peerName(2))
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(1))
    await pass(50)
    simulation.start(peerName(1), { milliseconds: 3000 })
    await simulation.when(at(peers[0], 7))
    const before = peers[0].events.length
    simulation.kill(peerName(2))
    await pass(4000)
    const lost = peers[0].events.slice(before).flatMap((event) => (event.type === 'lost' ? [event.other] : []))
    expect(lost).toEqual([peerName(2)])
  })

  it('among two: the other one waits for it, and both end the run', async () => {
    simulation = new Simulation({ peers: 2, rounds: 30 })
    const [first] = startAll(2)
    await simulation.when(at(first, 4))
    simulation.kill(peerName(1))
    await simulation.when(() => happened(first, 'paused') > 0)
    simulation.start(peerName(1), { milliseconds: 100 })
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(2).fill(['finished', 2]))
    expect(hashes(results)).toBe(1)
  })

  it('after it stood still, takes up the run where the others are', async () => {
    for (const gap of [500, 2500, 6000]) {
      simulation = new Simulation({ rounds: 120 })
      const peers = startAll(4)
      await simulation.when(at(peers[0], 4))
      simulation.suspend(peerName(0))
      await simulation.until(new Promise<void>((resolve) => simulation.clock.after(gap, resolve)))
      simulation.resume(peerName(0))
      const results = await simulation.results()
      expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
      expect(hashes(results)).toBe(1)
      for (const peer of peers) expect(happened(peer, 'diverged')).toBe(0)
    }
  })
})
