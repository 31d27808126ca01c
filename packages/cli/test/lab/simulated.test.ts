import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isPlanned } from '../../src/lab/cells.js'
import { Laboratory } from '../../src/lab/simulated/laboratory.js'
import { simulateCell } from '../../src/lab/simulated/run.js'
import type { Settings } from '../../src/lab/axes.js'
import { planGrid, TINY } from '../fixtures/attacked.js'

vi.setConfig({ testTimeout: 60_000 })

describe('simulated cells', () => {
  let laboratory: Laboratory
  beforeAll(() => {
    laboratory = new Laboratory()
  })
  afterAll(() => laboratory.close())

  async function simulate(grid: Settings) {
    const cells = (await planGrid(grid)).filter(isPlanned)
    const outcomes = []
    for (const cell of cells) {
      const run = { cell, plan: cell.plan, laboratory, onRound: () => {} }
      outcomes.push(await simulateCell(run))
    }
    return outcomes
  }

  test('the mean breaks where robust rules hold, and all give their memory back', async () => {
    const grid = { attack: 'sign-flip:factor=10', byzantine: 1 }
    const rules = ['mean', 'median', 'trimmed-mean', 'zeno']
    const [mean, median, trimmed, zeno] = await simulate({ ...grid, aggregator: rules })
    expect(mean!.last).toBeLessThan(0.4)
    expect(median!.last).toBeGreaterThan(0.8)
    expect(trimmed!.last).toBeGreaterThan(0.8)
    expect(zeno!.last).toBeGreaterThan(0.8)
    for (const each of [median!, trimmed!, zeno!]) {
      expect(each).toMatchObject({ rounds: 12, ended: null, standing: { held: true, delayed: 0 } })
      expect(each.evaluations.map(({ round }) => round)).toEqual([5, 11])
      expect(each.evaluations.every(({ samples }) => samples === 100)).toBe(true)
    }
    expect(laboratory.arena.bytesInUse).toBe(0)
  })

  test('attacks on protocol and payload come with what was delayed and wasted, and when their player was excluded', async () => {
    const [twice, nan] = await simulate({ aggregator: 'median', attack: ['equivocation', 'nan'], byzantine: 1 })
    expect(twice!.standing).toMatchObject({ held: true, delayed: 1, exclusion: 1 })
    // what is no number is no proof: its player is refused after three rounds
    expect(nan!.standing).toMatchObject({ held: true, delayed: 3, exclusion: null })
    for (const { standing } of [twice!, nan!]) expect(standing.wasted).toBeGreaterThan(0)
  })

  test('what accomplices craft alike is crafted once a round, also where each has a model of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peergrad-'))
    const attack = join(folder, 'counted.mjs')
    writeFileSync(
      attack,
      `export default () => ({
        name: 'counted', describe: 'counts', holds: 'all', level: 'gradient', knows: ['honest'],
        craft({ honest, out }) { globalThis.crafted = (globalThis.crafted ?? 0) + 1; out.set(honest[0]) }
      })`
    )
    try {
      await simulate({ strategy: 'gossip', aggregator: 'mean', attack, byzantine: 2 })
      expect(globalThis).toHaveProperty('crafted', TINY.rounds)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('an attack that says itself that it cannot play ends the run with its name', async () => {
    const grid = { aggregator: 'mean', attack: 'mimic:epsilon=7', byzantine: 1 }
    await expect(simulate(grid)).rejects.toMatchObject({ data: { plugin: 'attack mimic' } })
  })

  test('an attack whose peer does not play to the end is said, and not survived', async () => {
    await expect(simulate({ aggregator: 'median', attack: 'gaussian:sigma=1e39', byzantine: 1 })).rejects.toMatchObject(
      {
        code: 'non-finite',
        message: expect.stringMatching(/^attack gaussian: its peer did not play to the end: round 0: /),
        data: { plugin: 'attack gaussian' }
      }
    )
  })

  test('a backdoor that leaves the accuracy alone is seen by how often its patch is believed', async () => {
    const grid = { aggregator: ['mean', 'median'], attack: 'backdoor', byzantine: 1, rounds: 40 }
    const [mean, median] = await simulate(grid)
    for (const { last } of [mean!, median!]) expect(last).toBeGreaterThan(0.8)
    expect(mean!.success).toBeGreaterThan(0.8)
    expect(median!.success).toBeLessThan(0.3)
    const [flipped] = await simulate({ aggregator: 'median', attack: 'label-flip', byzantine: 1 })
    expect(flipped).not.toHaveProperty('success')
  })

  test('the same cell gives the same parameters, another seed others', async () => {
    const [first, other] = await simulate({ aggregator: 'median', attack: 'alie', byzantine: 2, seed: [1, 2] })
    const [again] = await simulate({ aggregator: 'median', attack: 'alie', byzantine: 2 })
    expect(again!.parametersHash).toBe(first!.parametersHash)
    expect(other!.parametersHash).not.toBe(first!.parametersHash)
  })

  test('a hostile peer may train on other data', async () => {
    const [outcome] = await simulate({ aggregator: 'median', attack: 'label-flip', byzantine: 1 })
    expect(outcome).toMatchObject({ standing: { held: true } })
    expect(outcome!.last).toBeGreaterThan(0.8)
  })

  test('a hostile peer computes no gradient that does not count', async () => {
    const count = async (attack: string) => {
      const [cell] = (await planGrid({ aggregator: 'median', attack, byzantine: 2, peers: 5 })).filter(isPlanned)
      const { engine } = await laboratory.open(cell!.plan.manifest, cell!.options)
      const computed = vi.spyOn(engine, 'gradient')
      await simulate({ aggregator: 'median', attack, byzantine: 2, peers: 5 })
      const { length } = computed.mock.calls
      computed.mockRestore()
      return length
    }
    expect(await count('sign-flip')).toBe(12 * 3)
    expect(await count('sign-flip:of=own')).toBe(12 * 5)
  })
})
