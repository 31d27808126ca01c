import { random, resolvePlugin, loadPlugin, type Aggregator } from '@peergrad/core'
import { aggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'
import { worst } from '../../conformance/src/hard-inputs.js'
import { aggregate } from './by-rule.js'

/** Inputs of the largest runs that a rule is meant for. */
const MOST = 64
/** Seconds of the processor that one call of a rule may take, of the 40 after which a store gives it up. */
const BUDGET = 5

/** The rule with each declared f that it knows, at the largest number of inputs that it takes with that. */
async function largest(name: string): Promise<{ n: number; f: number; rule: Aggregator }[]> {
  const found: { n: number; f: number; rule: Aggregator }[] = []
  for (const f of [0, 1, 8, 31]) {
    try {
      const rule = await loadPlugin('aggregator', resolvePlugin(aggregators, f === 0 ? name : `${name}:f=${f}`))
      for (let n = MOST; n > 0; n--) {
        if (rule.check(n) !== undefined) continue
        found.push({ n, f, rule })
        break
      }
    } catch {
      // it declares none
    }
  }
  return found
}

it.each([...aggregators.entries.keys()])(
  '%s takes at most five seconds of the processor, whatever it is given',
  async (name) => {
    const noise = random(5)
    const cases = await largest(name)
    expect(cases.length).toBeGreaterThan(0)
    for (const { n, f, rule } of cases) {
      const spread = Array.from({ length: n }, () => Array.from({ length: 64 }, () => noise.normal()))
      const close = spread.map((row) => row.map((value) => 1 + 1e-6 * value))
      for (const rows of [spread, close, ...worst(n, 1e15)]) {
        const losses = rows.map((_, k) => k % 3)
        const before = process.cpuUsage()
        const made = aggregate(rule, rows, undefined, { losses, stepSize: 0.1 })
        const { user, system } = process.cpuUsage(before)
        expect((user + system) / 1e6, `n = ${n}, f = ${f}`).toBeLessThan(BUDGET)
        expect(made.every(Number.isFinite), `n = ${n}, f = ${f}`).toBe(true)
      }
    }
  }
)
