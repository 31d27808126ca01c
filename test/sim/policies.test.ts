import { afterEach, describe, expect, it } from 'vitest'
import { peerName, Simulation, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const at = (peer: SimulatedPeer, round: number) => () =>
  peer.events.some((event) => event.type === 'round' && event.round === round)
const first = (peer: SimulatedPeer, type: string) => peer.events.find((event) => event.type === type)
const hashes = (results: readonly { parametersHash: string }[]) =>
  new Set(results.map(({ parametersHash }) => parametersHash)).size
/** Lets so much virtual time pass. */
const pass = (milliseconds: number) =>
  simulation.until(new Promise<void>((resolve) => simulation.clock.after(milliseconds, resolve)))

describe('--on-failure', () => {
  it('continue: the others go on at once, without the lost peer in the view', async () => {
    simulation = new Simulation({ rounds: 100 })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(3))
    const results = await simulation.results()
    expect(results.map(({ members }) => members.length)).toEqual([3, 3, 3])
    expect(hashes(results)).toBe(1)
    expect(first(peers[0], 'paused')).toBeUndefined()
  })

  it('wait: nobody goes on until the peer is back, and then all end the run', async () => {
    simulation = new Simulation({ rounds: 40, onFailure: 'wait' })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(3))
    await simulation.when(() => first(peers[0], 'paused') !== undefined)
    const rounds = () => peers[0].events.filter(({ type }) => type === 'round').length
    await pass(1000)
    const before = rounds()
    await pass(5000)
    expect(rounds()).toBe(before)
    simulation.start(peerName(3))
    const results = await simulation.results()
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('finished'))
    expect(results.map(({ members }) => members.length)).toEqual(Array(4).fill(4))
    expect(hashes(results)).toBe(1)
    expect(first(peers[0], 'resumed')).toBeDefined()
  })

  it('wait: a peer that leaves in order is not waited for', async () => {
    simulation = new Simulation({ rounds: 40, onFailure: 'wait' })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    peers[3].leave.abort()
    const results = await simulation.results()
    expect(results.map(({ status }) => status).sort()).toEqual(['finished', 'finished', 'finished', 'left'])
    expect(first(peers[3], 'left')).toMatchObject({ reason: 'asked to' })
  })

  it('abort: all end with a sentence that says who was lost', async () => {
    simulation = new Simulation({ rounds: 1000, onFailure: 'abort' })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(3))
    for (const { result } of peers.slice(0, 3)) {
      await expect(simulation.until(result)).rejects.toMatchObject({
        code: 'quorum',
        message: expect.stringContaining(`${peerName(3)} was lost`) as string
      })
    }
  })
})

describe('a rule whose condition is only just met', () => {
  it.each(['continue', 'wait'] as const)('is waited for, and a newcomer makes up the number: %s', async (onFailure) => {
    simulation = new Simulation({ peers: 5, rounds: 30, aggregator: 'krum:f=1', onFailure })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(4))
    await simulation.when(() => first(peers[0], 'paused') !== undefined)
    expect(first(peers[0], 'paused')).toMatchObject({ reason: expect.stringContaining('5 are needed') as string })
    simulation.start(peerName(onFailure === 'wait' ? 4 : 5))
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(5).fill(['finished', 5]))
    expect(hashes(results)).toBe(1)
  })
})

describe('--min-peers', () => {
  it('pauses the run below it, and it goes on when a newcomer makes up the number', async () => {
    simulation = new Simulation({ rounds: 60, minPeers: 4 })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(2))
    await simulation.when(() => first(peers[0], 'paused') !== undefined)
    expect(first(peers[0], 'paused')).toMatchObject({
      reason: '3 of 4 peers are here, 4 are needed (--min-peers)'
    })
    await pass(3000)
    simulation.start(peerName(7))
    const results = await simulation.results()
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('finished'))
    expect(hashes(results)).toBe(1)
  })

  it('ends the run with quorum when nobody does', async () => {
    simulation = new Simulation({ rounds: 1000, minPeers: 4 })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 5))
    simulation.kill(peerName(2))
    await expect(simulation.until(peers[0].result)).rejects.toMatchObject({
      code: 'quorum',
      message: expect.stringContaining('--min-peers') as string
    })
  })
})

describe('a slow peer is not a dead one', () => {
  it('whose gradient takes as long as the deadline allows: it stays, and all its contributions count', async () => {
    simulation = new Simulation({ rounds: 6, deadline: 5000 })
    const peers = [0, 1, 2].map((index) => simulation.start(peerName(index)))
    peers.push(simulation.start(peerName(3), { milliseconds: 4000 }))
    const results = await simulation.results()
    expect(hashes(results)).toBe(1)
    expect(first(peers[0], 'suspected')).toBeUndefined()
    for (const event of peers[0].events) if (event.type === 'round') expect(event.contributors).toHaveLength(4)
  })

  it('that is later than the deadline: the round does without it, and it keeps its place', async () => {
    simulation = new Simulation({ rounds: 6, deadline: 1000 })
    const peers = [0, 1, 2].map((index) => simulation.start(peerName(index)))
    peers.push(simulation.start(peerName(3), { milliseconds: 3000 }))
    const results = await simulation.results()
    expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(4).fill(['finished', 4]))
    expect(hashes(results)).toBe(1)
    const rounds = peers[0].events.filter(({ type }) => type === 'round')
    expect(first(peers[0], 'suspected')?.at ?? Infinity).toBeGreaterThan(rounds.at(-1)!.at)
    expect(rounds.at(-1)!.at).toBeLessThan(6 * (1000 + 2000))
  })
})
