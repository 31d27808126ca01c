import { loadPlugin, random, resolvePlugin, type GradientAttack } from '@peergrad/core'
import { aggregators, attacks, preAggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'
import { aggregate, prepare } from './by-rule.js'

const CLASSES = 10
const HONEST = 15
const HOSTILE = 5
/** Rounds whose results are averaged, as a run's steps are. */
const ROUNDS = 100

/** What honest peers give of which each has one class: no two alike point the same way. */
function uneven(): number[][] {
  const noise = random(3)
  return Array.from({ length: HONEST }, (_, peer) =>
    Array.from({ length: CLASSES }, (_, label) => Number(peer % CLASSES === label) + 0.05 * noise.normal())
  )
}

const average = (rows: readonly number[][]) =>
  Array.from(rows[0]!, (_, j) => rows.reduce((sum, row) => sum + row[j]! / rows.length, 0))

it('mimic takes the geometric median far from the mean of uneven honest peers, and buckets take a good part of that back', async () => {
  const honest = uneven()
  const mimic = (await loadPlugin('attack', resolvePlugin(attacks, 'mimic'))) as GradientAttack
  const copy = new Float64Array(CLASSES)
  const rows = honest.map((row) => Float64Array.from(row))
  await mimic.craft({ own: rows[0]!, honest: rows, out: copy, random: random(7), round: 3, n: 20, f: HOSTILE })
  const attacked = [...honest, ...Array.from({ length: HOSTILE }, () => [...copy])]

  const rule = await loadPlugin('aggregator', resolvePlugin(aggregators, 'geometric-median'))
  const bucketing = await loadPlugin('pre-aggregator', resolvePlugin(preAggregators, 'bucketing:s=2'))
  const mean = average(honest)
  const off = (results: readonly number[][]) => Math.hypot(...average(results).map((value, j) => value - mean[j]!))
  const bucketed = Array.from({ length: ROUNDS }, (_, seed) => aggregate(rule, prepare(bucketing, attacked, seed)))

  expect(off([aggregate(rule, honest)])).toBeLessThan(0.05)
  expect(off([aggregate(rule, attacked)])).toBeGreaterThan(0.4)
  expect(off(bucketed)).toBeLessThan(0.3)
})

it.each(['alie', 'alie:tau=auto', 'min-max', 'min-sum'])(
  '%s takes mean, median and Krum out of a wide spread of honest gradients, and CAF stays near their mean',
  async (text) => {
    const [length, f] = [500, 9]
    const noise = random(3)
    const honest = Array.from({ length: 11 }, () => Array.from({ length }, () => noise.normal()))
    const rows = honest.map((row) => Float64Array.from(row))
    const attack = (await loadPlugin('attack', resolvePlugin(attacks, text))) as GradientAttack
    const lie = new Float64Array(length)
    await attack.craft({ own: rows[0]!, honest: rows, out: lie, random: random(7), round: 3, n: honest.length + f, f })
    const attacked = [...honest, ...Array.from({ length: f }, () => [...lie])]
    const mean = average(honest)
    /** Distance from the honest mean, in standard deviations of a coordinate. */
    const off = async (name: string) => {
      const made = aggregate(await loadPlugin('aggregator', resolvePlugin(aggregators, name)), attacked)
      return Math.hypot(...made.map((value, i) => value - mean[i]!)) / Math.sqrt(length)
    }
    expect(await off('mean')).toBeGreaterThan(0.4)
    expect(await off('median')).toBeGreaterThan(0.85)
    expect(await off(`krum:f=${f}`)).toBeGreaterThan(0.85)
    expect(await off(`caf:f=${f}`)).toBeLessThan(0.25)
  }
)
