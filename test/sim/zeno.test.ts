import { loadPlugin, replace, resolvePlugin, type Disguise } from '@peergrad/core'
import { attacks, disguiseOf } from '@peergrad/strategies'
import { afterEach, expect, it } from 'vitest'
import { peerName, Simulation } from './swarm.js'

// SPIRT's experiment: one of four peers sends its gradient turned around and ten times as long.
const RUN = {
  peers: 4,
  rounds: 6,
  minibatches: 2,
  deadline: 400,
  strategy: 'spirt',
  optimiser: { name: 'sgd', learningRate: 0.5 }
} as const
const HOSTILE = 3

let simulation: Simulation
afterEach(() => simulation.stop())

const flip = await loadPlugin('attack', resolvePlugin(attacks, 'sign-flip:of=own,factor=10'))
const schedule = { start: 0, stop: Infinity, every: 1, targets: [] }
const hostile = disguiseOf(flip, { self: peerName(HOSTILE), accomplices: [], schedule })

/** Says of each loss that it is the lower the higher it is. */
const liar: Disguise = {
  engine: (honest) =>
    replace(honest, {
      async evaluate(request) {
        const { loss, ...rest } = await honest.evaluate(request)
        return { ...rest, loss: -loss }
      }
    })
}

/** The loss of the last model at the peers that are no disguised ones, infinite where the run broke down, and their hashes. */
async function play(
  run: Partial<Simulation['manifest']>,
  disguises: Record<number, Disguise> = { [HOSTILE]: hostile }
) {
  simulation?.stop()
  simulation = new Simulation({ ...RUN, ...run })
  const peers = simulation.startAll(disguises)
  const honest = peers.filter((_, rank) => disguises[rank] === undefined)
  const ends = await simulation.until(Promise.allSettled(honest.map(({ result }) => result)))
  const results = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
  const events = honest.flatMap((peer) => peer.events)
  return {
    loss: results.length < honest.length ? Infinity : Math.max(...results.map(({ loss = Infinity }) => loss)),
    hashes: new Set(results.map(({ parametersHash }) => parametersHash)),
    contributors: new Set(events.flatMap((event) => (event.type === 'round' ? event.contributors : []))),
    attempt: Math.max(...events.map((event) => (event.type === 'round' ? event.attempt : 0))),
    milliseconds: simulation.clock.now()
  }
}

it('holds where the mean is ruined, with one hash, whoever of the peers merges', async () => {
  const undefended = await play({ aggregator: 'mean' })
  const defended = await play({ aggregator: 'zeno:f=1' })
  expect(undefended.loss).toBeGreaterThan(10)
  expect(defended.loss).toBeLessThan(0.02)
  expect(defended.contributors).toContain(peerName(HOSTILE))
  expect(defended.hashes.size).toBe(1)
  for (const strategy of ['all-reduce', 'all-gather', 'mlless:v=0']) {
    expect([strategy, (await play({ aggregator: 'zeno:f=1', strategy })).hashes]).toEqual([strategy, defended.hashes])
  }
})

it.each([
  ['the coordinator', 0],
  ['another peer', 2]
])('%s that lies about the losses changes nothing, and nobody waits for it', async (_, rank) => {
  const run = { peers: 5, aggregator: 'zeno:f=1' }
  const honest = await play(run)
  const lied = await play(run, { [HOSTILE]: hostile, [rank]: liar })
  expect(lied.hashes).toEqual(honest.hashes)
  expect(lied.attempt).toBe(0)
  expect(lied.milliseconds).toBeLessThan(honest.milliseconds + RUN.deadline)
})

it('is ruined by a majority that lies about the losses, as any rule is', async () => {
  const liars = { 0: liar, 1: liar, [HOSTILE]: { ...hostile, ...liar } }
  expect((await play({ aggregator: 'zeno:f=1' }, liars)).loss).toBeGreaterThan(10)
})

it('bears steps that are finite no more', async () => {
  const huge = disguiseOf(await loadPlugin('attack', resolvePlugin(attacks, 'huge')), {
    self: peerName(HOSTILE),
    accomplices: [],
    schedule
  })
  const held = await play({ aggregator: 'zeno:f=1' }, { [HOSTILE]: huge })
  expect(held.loss).toBeLessThan(0.02)
  expect(held.hashes.size).toBe(1)
})

it('is measured after the optimiser of the exchange where peers step by themselves', async () => {
  const held = await play({ aggregator: 'zeno:f=1', strategy: 'diloco:every=2' })
  expect(held.loss).toBeLessThan(0.1)
  expect(held.hashes.size).toBe(1)
})
