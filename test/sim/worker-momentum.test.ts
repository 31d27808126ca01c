import type { RunManifest } from '@peergrad/core'
import { afterEach, expect, it } from 'vitest'
import { Simulation } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const BETA = 0.9
const sgd = (learningRate: number): Partial<RunManifest> => ({ optimiser: { name: 'sgd', learningRate } })

async function run(strategy: string, manifest: Partial<RunManifest>) {
  simulation = new Simulation({ strategy, workerMomentum: BETA, ...manifest })
  simulation.startAll()
  const results = await simulation.results()
  simulation.stop()
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  return results[0]
}

it('leaves all dense exchanges with the same bits', async () => {
  const { parametersHash } = await run('all-gather', { ...sgd(0.1) })
  for (const strategy of ['spirt', 'all-reduce', 'scatter-reduce']) {
    expect([strategy, (await run(strategy, { ...sgd(0.1) })).parametersHash]).toEqual([strategy, parametersHash])
  }
  expect((await run('mlless:v=0', { ...sgd(0.1), filter: 'auto' })).parametersHash).toBe(parametersHash)
  expect((await run('all-gather', { ...sgd(0.1), workerMomentum: 0 })).parametersHash).not.toBe(parametersHash)
})

// v' = μ·v + g with the rate α is m' = β·m + (1 − β)·g with the rate α/(1 − β): v = m/(1 − β)
it('of all peers is the momentum of their optimiser, but for the rounding', async () => {
  const worker = await run('spirt', sgd(0.1))
  const optimiser = { name: 'momentum', learningRate: 0.1 * (1 - BETA), momentum: BETA } as const
  const central = await run('spirt', { workerMomentum: 0, optimiser })
  const plain = await run('spirt', { workerMomentum: 0, ...sgd(0.1) })
  expect(worker.loss).toBeCloseTo(central.loss!, 5)
  expect(Math.abs(worker.loss! - plain.loss!)).toBeGreaterThan(0.01)
})
