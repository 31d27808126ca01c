import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunManifest } from '@peergrad/core'
import { findCheckpoint } from '@peergrad/peer'
import { exchangeStrategies } from './matrix.js'
import { peerName, Simulation, type SimulatedPeer } from './swarm.js'

let directory: string
let simulation: Simulation
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'peergrad-'))))
afterEach(() => {
  simulation.stop()
  rmSync(directory, { recursive: true })
})

const INDICES = [0, 1, 2, 3]
/** Rounds of a run, and the one behind which it stops: a checkpoint is written every five. */
const ROUNDS = 22
const HALF = 11
const folder = (index: number) => join(directory, String(index))
const at = (peer: SimulatedPeer, round: number) => () =>
  peer.events.some((event) => event.type === 'round' && event.round === round)
const hashes = (results: readonly { parametersHash: string }[]) => [
  ...new Set(results.map(({ parametersHash }) => parametersHash))
]

async function without(manifest: Partial<RunManifest>): Promise<string[]> {
  simulation = new Simulation(manifest)
  INDICES.forEach((index) => simulation.start(peerName(index)))
  const found = hashes(await simulation.results())
  simulation.stop()
  return found
}

/** Runs to a round and ends all peers there, `how`. */
async function half(manifest: Partial<RunManifest>, how: (peer: SimulatedPeer, index: number) => void, round = HALF) {
  simulation = new Simulation(manifest)
  const peers = INDICES.map((index) => simulation.start(peerName(index), { checkpoints: folder(index) }))
  await simulation.when(at(peers[0], round))
  peers.forEach(how)
  return peers
}

/** Starts all again from the newest checkpoints, and runs to the end. */
async function again(manifest: Partial<RunManifest>, indices = INDICES) {
  simulation = new Simulation(manifest)
  for (const index of indices) {
    const { file } = await findCheckpoint(folder(index))
    simulation.start(peerName(index), {
      resume: file,
      checkpoints: folder(index),
      ...(index === indices[0] && { via: [] })
    })
  }
  return simulation.results()
}

/** What a peer keeps for itself from round to round: nothing, or what a strategy, a filter, a codec or its momentum keeps. */
const RUNS: Partial<RunManifest>[] = [
  // the step that is under way at a stop is lost, see docs/LIMITS.md
  ...(await exchangeStrategies())
    .filter((strategy) => strategy !== 'gossip:async=true')
    .map((strategy) => ({ strategy })),
  { strategy: 'all-reduce', workerMomentum: 0.9 },
  { strategy: 'spirt', filter: 'top-k:share=0.1', codec: 'int8' }
]

describe.each(RUNS.map((run) => [JSON.stringify(run), run] as const))('%s, a run that is resumed', (_what, given) => {
  const manifest = { ...given, rounds: ROUNDS }
  let expected: string[]
  beforeAll(async () => void (expected = await without(manifest)))

  it('after all were stopped at once ends as it would have without the stop, to the bit', async () => {
    const peers = await half(manifest, ({ stop }) => stop.abort())
    const results = await simulation.until(Promise.all(peers.map(({ result }) => result)))
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('left'))
    const ended = await again(manifest)
    expect(hashes(ended)).toEqual(expected)
    expect(ended.map(({ members, rounds }) => [members.length, rounds <= ROUNDS - HALF])).toEqual(
      Array(4).fill([4, true])
    )
  })

  it('after all were killed at once, from the last checkpoint that each wrote, too', async () => {
    await half(manifest, ({ name }) => simulation.kill(name))
    expect(readdirSync(folder(0)).length).toBeGreaterThan(0)
    expect(hashes(await again(manifest))).toEqual(expected)
  })
})

describe.each(['spirt', 'all-reduce'])('%s, a run that is resumed', (strategy) => {
  it('over an epoch with a lost peer in it ends as it would have without the stop', async () => {
    const epochs = { strategy, rounds: 0, epochs: 3 }
    const play = async (stopAt: number) => {
      INDICES.forEach((index) => rmSync(folder(index), { recursive: true, force: true }))
      simulation = new Simulation(epochs)
      const peers = INDICES.map((index) => simulation.start(peerName(index), { checkpoints: folder(index) }))
      await simulation.when(at(peers[0], 4))
      simulation.kill(peerName(3))
      if (stopAt === 0) return hashes(await simulation.results())
      await simulation.when(at(peers[0], stopAt))
      const rest = peers.slice(0, 3)
      rest.forEach(({ stop }) => stop.abort())
      await simulation.until(Promise.all(rest.map(({ result }) => result)))
      return hashes(await again(epochs, [0, 1, 2]))
    }
    const expected = await play(0)
    expect(await play(12)).toEqual(expected)
  })
})

describe('peers that come back with different checkpoints', () => {
  it('go on from the one that most have', async () => {
    const manifest = { rounds: ROUNDS }
    const peers = await half(manifest, ({ stop }) => stop.abort())
    await simulation.until(Promise.all(peers.map(({ result }) => result)))
    const files = readdirSync(folder(2)).sort()
    rmSync(join(folder(2), files.at(-1)!))
    const ended = await again(manifest)
    expect(hashes(ended)).toHaveLength(1)
    expect(ended.map(({ status }) => status)).toEqual(Array(4).fill('finished'))
  })

  it('and without one of them, once the deadline has given it its time', async () => {
    const manifest = { rounds: ROUNDS, deadline: 2000 }
    const peers = await half(manifest, ({ stop }) => stop.abort())
    await simulation.until(Promise.all(peers.map(({ result }) => result)))
    const ended = await again(manifest, [0, 1, 3])
    expect(hashes(ended)).toHaveLength(1)
    expect(ended.map(({ members }) => members.length)).toEqual([3, 3, 3])
  })

  it('with one that has none: it takes the state from the others', async () => {
    const manifest = { rounds: 80, deadline: 2000 }
    const peers = await half(manifest, ({ stop }) => stop.abort())
    await simulation.until(Promise.all(peers.map(({ result }) => result)))
    simulation = new Simulation(manifest)
    for (const index of [0, 1, 2]) {
      simulation.start(peerName(index), { resume: (await findCheckpoint(folder(index))).file })
    }
    simulation.start(peerName(3), { via: [peerName(0)] })
    const ended = await simulation.results()
    expect(hashes(ended)).toHaveLength(1)
    expect(ended.map(({ members }) => members.length)).toEqual([4, 4, 4, 4])
  })
})
