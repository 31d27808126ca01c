import assert from 'node:assert/strict'
import {
  Arena,
  createKernels,
  doneByPlugin,
  loadPlugin,
  random,
  resolvePlugin,
  VectorSpan,
  type Aggregator,
  type StoreRule,
  type Vector
} from '@peergrad/core'
import { aggregators } from '@peergrad/strategies'
import { assertSame, bits } from './arrays.js'
import type { Law } from './law.js'
import { triedBy } from './rule-inputs.js'
import { runRule } from './run-rule.js'

const LENGTH = 300
const SCENES = [1, 2, 3, 4, 5]

/** By what share the distances from the inputs may differ by coefficients, from which rules choose between values as near. */
const ROUNDING = 1e-2

/** What else may run in the place of a rule, if it says so. */
export function ruleClaims(create: () => Aggregator, n: () => number): Law[] {
  return [
    {
      name: 'is in a database what it is here, as `inStore` says',
      claimed: () => create().inStore !== undefined,
      async prove() {
        const { inStore } = create()
        assert.ok(inStore)
        const count = n()
        const known = await asDatabasesKnowIt(inStore, count)
        for (const scene of SCENES) {
          const rows = noise(scene, count)
          const samples = rows.map((_, k) => 1 + ((k * 7 + scene) % 5))
          assertSame(bits(runRule(create(), rows, { samples })), bits(known(rows, samples)), `bits of ${inStore.name}`)
        }
      }
    },
    {
      name: 'works on coefficients in the place of vectors, as `byKernels` says',
      claimed: () => create().byKernels === true,
      prove() {
        for (const scene of SCENES) {
          const rows = noise(scene, n())
          const expected = distancesTo(rows, runRule(create(), rows))
          for (const [k, distance] of byCoefficients(create(), rows).entries()) {
            const close = Math.abs(distance - expected[k]) <= ROUNDING * Math.max(...expected)
            assert.ok(close, `it is ${distance} from input ${k}, and by vectors ${expected[k]}`)
          }
        }
      }
    }
  ]
}

function noise(scene: number, n: number): number[][] {
  const from = random(scene, 'claims')
  return Array.from({ length: n }, () => Array.from({ length: LENGTH }, () => Math.fround(from.normal())))
}

type KnownRule = (rows: readonly (readonly number[])[], samples: readonly number[]) => Vector

/** The built-in rule that databases have by that name, with its numbers for n inputs. */
async function asDatabasesKnowIt({ name, parameters, weights }: StoreRule, n: number): Promise<KnownRule> {
  const { median, ...numbers } = parameters?.(n) ?? {}
  const options = Object.entries(numbers).map(([key, value]) => `${key}=${value}`)
  if (name === 'centered-clipping') options.push(`from=${median === 0 ? 'zero' : 'median'}`)
  const builtIn = name === 'weighted-mean' ? 'mean' : name
  const text = options.length === 0 ? builtIn : `${builtIn}:${options.join()}`
  const rule = await loadPlugin('aggregator', resolvePlugin(aggregators, text))
  if (name !== 'weighted-mean') return (rows) => runRule(rule, rows)
  const weighted: Aggregator = {
    ...rule,
    aggregate: ({ vectors, samples, out, kernels }) =>
      kernels.weightedMean(out, vectors, weights?.(samples) ?? samples.map(() => 1))
  }
  return (rows, samples) => runRule(weighted, rows, { samples })
}

function distancesTo(rows: readonly number[][], from: Vector): number[] {
  return rows.map((row) => Math.hypot(...row.map((value, i) => value - from[i])))
}

/** How far from each row is what a rule makes of them when it gets, for each, which of them it is. */
function byCoefficients(rule: Aggregator, rows: readonly number[][]): number[] {
  const arena = Arena.create({ bytes: 1 << 22 })
  const kernels = createKernels({ memory: arena.memory })
  const held = rows.map((row) => {
    const vector = arena.allocate(row.length)
    vector.set(row)
    return vector
  })
  const span = new VectorSpan({ arena, kernels, rows: held, others: [] })
  const vectors = held.map((_, k) => span.unit(k))
  const out = span.zero()
  const scratch = () => ({ vector: span.zero(), release: () => {} })
  const samples = rows.map(() => 8)
  const input = { vectors, samples, out, kernels: span.kernels, random: random(7, 'compliance'), scratch }
  doneByPlugin(`aggregator ${rule.name}`, 'aggregate', () => rule.aggregate({ ...input, trials: triedBy(rule, rows) }))
  return vectors.map((vector) => Math.sqrt(span.kernels.squaredDistance(out, vector)))
}
