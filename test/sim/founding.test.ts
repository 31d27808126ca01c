import { controlRequests, type Mesh } from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type StartOptions } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const FOUNDER = peerName(0)
const MILLISECONDS = 100
const pass = (milliseconds: number) =>
  simulation.until(new Promise<void>((resolve) => simulation.clock.after(milliseconds, resolve)))

/** Dies when it is about to tell one more peer than these where the run begins. */
function diesAfterTelling(count: number): Disguise {
  let told = 0
  return {
    mesh: (honest: Mesh) =>
      replace(honest, {
        request: (peer, payload, options) => {
          if (controlRequests.decode(payload).kind !== 'found' || told++ < count) {
            return honest.request(peer, payload, options)
          }
          // what it has told arrives
          if (told === count + 1) simulation.clock.after(2, () => simulation.kill(FOUNDER))
          return new Promise(() => {})
        }
      })
  }
}

/** Four peers whose founder dies after it has told so many of the others. */
async function founderDies(told: number): Promise<void> {
  simulation = new Simulation({ rounds: 60 })
  simulation.start(FOUNDER, { milliseconds: MILLISECONDS, disguise: diesAfterTelling(told) })
  for (const index of [1, 2, 3]) simulation.start(peerName(index), { milliseconds: MILLISECONDS })
  await simulation.when(() => !simulation.peers.has(FOUNDER))
}

/** All end the run, with one hash and in the view of all. */
async function allFinish(peers: number): Promise<void> {
  const results = await simulation.results()
  expect(results.map(({ status, members }) => [status, members.length])).toEqual(Array(peers).fill(['finished', peers]))
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  for (const { events } of simulation.lives) {
    expect(events.filter(({ type }) => type === 'diverged')).toEqual([])
  }
}

const returns: [string, number, StartOptions][] = [
  ['at once, as a founder', 50, { via: [] }],
  ['at once, as one who joins', 50, {}],
  ['later, as a founder', 4000, { via: [] }],
  ['later, as one who joins', 4000, {}]
]

describe('a founder that dies while the run begins', () => {
  describe.each([0, 1, 2])('and has told %i of three others', (told) => {
    it.each(returns)('and comes back %s: all are in the run', async (_how, gap, options) => {
      await founderDies(told)
      await pass(gap)
      simulation.start(FOUNDER, { milliseconds: MILLISECONDS, ...options })
      await allFinish(4)
    })
  })

  it.each([1, 2])('and has told %i of three others: they begin without it', async (told) => {
    await founderDies(told)
    await allFinish(3)
  })

  it('and has told nobody: another one founds the run when there are enough again', async () => {
    await founderDies(0)
    await pass(5000)
    simulation.start(peerName(4), { via: [peerName(2)], milliseconds: MILLISECONDS })
    await pass(20_000)
    // it may still come back
    for (const { events } of simulation.peers.values()) expect(events.some(({ type }) => type === 'view')).toBe(false)
    await allFinish(4)
  })
})

describe('a run that has not begun, beside one that goes on', () => {
  const secret = (text: string): StartOptions => ({ credentials: { secret: Buffer.from(text) } })

  it.each<[string, string, StartOptions, () => StartOptions]>([
    ['another run', 'open', {}, () => ({ manifest: { ...simulation.manifest, seed: 2 } })],
    ['the same one with another secret', 'secret', secret('correct horse'), () => secret('incorrect horse')]
  ])('waits for its peers and begins: %s', async (_what, admission, ours, theirs) => {
    simulation = new Simulation({ peers: 2, rounds: 40, admission })
    const [first, second] = [8, 9].map(peerName) as [string, string]
    simulation.start(first, { ...theirs(), milliseconds: 1000, via: [] })
    const outsider = simulation.start(second, { ...theirs(), milliseconds: 1000, via: [first] })
    await simulation.when(() => outsider.events.some(({ type }) => type === 'round'))
    const founder = simulation.start(FOUNDER, { ...ours, via: [] })
    await simulation.until(founder.mesh.dial(`/memory/${second}`))
    await pass(5000)
    const peer = simulation.start(peerName(1), { ...ours, via: [FOUNDER] })
    const results = await simulation.until(Promise.all([founder.result, peer.result]))
    expect(results.map(({ members }) => members)).toEqual(Array(2).fill([FOUNDER, peerName(1)]))
  })
})

it('a peer that was ready and is not waited for takes part all the same', async () => {
  simulation = new Simulation({ peers: 2, rounds: 60 })
  let began = () => {}
  const waits = new Promise<void>((resolve) => (began = resolve))
  // greets all before the run begins, and is one more than that asks for
  const disguise: Disguise = {
    mesh: (honest: Mesh) =>
      replace(honest, {
        request: async (peer, payload, options) => {
          if (controlRequests.decode(payload).kind === 'found') await waits
          return honest.request(peer, payload, options)
        }
      })
  }
  simulation.start(FOUNDER, { milliseconds: MILLISECONDS, disguise })
  for (const index of [1, 2]) simulation.start(peerName(index), { milliseconds: MILLISECONDS })
  await pass(1000)
  began()
  await allFinish(3)
})
