import { random, resolvePlugin, loadPlugin } from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'
import { worst } from '../../conformance/src/hard-inputs.js'
import { aggregate, prepare } from './by-rule.js'

/** Inputs of the largest runs that a rule is meant for. */
const MOST = 64
/** Seconds of the processor that one call of a rule may take, of the 40 after which a store gives it up. */
const BUDGET = 5

interface Conditional {
  check(n: number): string | undefined
}

/** The plug-in with each declared f that it knows, at the largest number of inputs that it takes with that. */
async function largest<P extends Conditional>(
  load: (text: string) => Promise<P>,
  name: string
): Promise<{ n: number; f: number; plugin: P }[]> {
  const found: { n: number; f: number; plugin: P }[] = []
  for (const f of [0, 1, 8, 31]) {
    try {
      const plugin = await load(f === 0 ? name : `${name}:f=${f}`)
      for (let n = MOST; n > 0; n--) {
        if (plugin.check(n) !== undefined) continue
        found.push({ n, f, plugin })
        break
      }
    } catch {
      // it declares none
    }
  }
  return found
}

/** Spread, near each other, and what a rule that goes step by step may go on and on over. */
function hard(n: number): number[][][] {
  const noise = random(5)
  const spread = Array.from({ length: n }, () => Array.from({ length: 64 }, () => noise.normal()))
  return [spread, spread.map((row) => row.map((value) => 1 + 1e-6 * value)), ...worst(n, 1e15)]
}

/** Runs it and returns what it took, in seconds of the processor. */
function timed<T>(work: () => T): { made: T; seconds: number } {
  const before = process.cpuUsage()
  const made = work()
  const { user, system } = process.cpuUsage(before)
  return { made, seconds: (user + system) / 1e6 }
}

it.each([...aggregators.entries.keys()])(
  '%s takes at most five seconds of the processor, whatever it is given',
  async (name) => {
    const cases = await largest((text) => loadPlugin('aggregator', resolvePlugin(aggregators, text)), name)
    expect(cases.length).toBeGreaterThan(0)
    for (const { n, f, plugin } of cases) {
      for (const rows of hard(n)) {
        const losses = rows.map((_, k) => k % 3)
        const { made, seconds } = timed(() => aggregate(plugin, rows, undefined, { losses, stepSize: 0.1 }))
        expect(seconds, `n = ${n}, f = ${f}`).toBeLessThan(BUDGET)
        expect(made.every(Number.isFinite), `n = ${n}, f = ${f}`).toBe(true)
      }
    }
  }
)

it.each([...preAggregators.entries.keys()])('%s too', async (name) => {
  const cases = await largest((text) => loadPlugin('pre-aggregator', resolvePlugin(preAggregators, text)), name)
  expect(cases.length).toBeGreaterThan(0)
  for (const { n, f, plugin } of cases) {
    for (const rows of hard(n)) {
      const { made, seconds } = timed(() => prepare(plugin, rows))
      expect(seconds, `n = ${n}, f = ${f}`).toBeLessThan(BUDGET)
      expect(made.flat().every(Number.isFinite), `n = ${n}, f = ${f}`).toBe(true)
    }
  }
})

it('dnc on as many coordinates as it may draw too', async () => {
  const rows = Array.from({ length: 4 }, (_, k) => new Float32Array(1_000_001).fill(k))
  const rule = await loadPlugin('aggregator', resolvePlugin(aggregators, 'dnc:f=1,dimensions=1000000'))
  expect(timed(() => aggregate(rule, rows as unknown as number[][])).seconds).toBeLessThan(BUDGET)
})
