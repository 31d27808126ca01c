import assert from 'node:assert/strict'
import {
  Arena,
  createKernels,
  doneByPlugin,
  random,
  type Kernels,
  type PreAggregator,
  type Vector
} from '@peergrad/core'
import fc from 'fast-check'
import { assertNamed, assertSame, bits, opposite } from './arrays.js'
import { worst } from './hard-inputs.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'

const LARGEST = 3.4028234663852886e38

/** The laws of a pre-aggregator. Rejects with a report of those that do not hold. */
export async function checkPreAggregator(
  subject: Subject<'pre-aggregator'>,
  check: CheckOptions = {}
): Promise<Report> {
  const { who, create, watch } = await examine('pre-aggregator', subject, check)
  return judge(who, [members(create), ...preAggregatorLaws(create)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh pre-aggregator. */
export function preAggregatorLaws(create: () => PreAggregator): Law[] {
  const arena = Arena.create({ bytes: 1 << 20 })
  const simd = createKernels({ memory: arena.memory })
  const scalar = createKernels({ path: 'scalar' })
  const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -LARGEST, max: LARGEST })
  /** Of so many rows as its condition allows, up to twelve. */
  const rows = () => {
    const allowed = Array.from({ length: 12 }, (_, i) => i + 1).filter((n) => create().check(n) === undefined)
    assert.ok(allowed.length > 0, 'check allows none of 1 to 12 inputs')
    return fc.tuple(fc.constantFrom(...allowed), fc.integer({ min: 1, max: 20 })).chain(([n, length]) => {
      const row = fc.array(fc.oneof(value, fc.constantFrom(0, -0, 1, -1)), { minLength: length, maxLength: length })
      return fc.array(row, { minLength: n, maxLength: n })
    })
  }
  const always = (holds: (inputs: number[][], others: number[][]) => void) => () =>
    fc.assert(fc.property(rows(), rows(), holds), { numRuns: 60 })

  /** What it makes of rows, as bits. */
  function run(inputs: readonly number[][], { pre = create(), kernels = scalar }: Partial<Run> = {}): number[][] {
    const lent: Vector[] = []
    const scratch = (length: number) => {
      const vector = arena.allocate(length).fill(NaN)
      lent.push(vector)
      return { vector, release: () => void vector.fill(NaN) }
    }
    const vectors = inputs.map((row) => {
      const { vector } = scratch(row.length)
      vector.set(row)
      return vector
    })
    const before = vectors.map(bits)
    const input = { vectors, kernels, random: random(7, 'compliance'), scratch }
    const made = doneByPlugin(`pre-aggregator ${pre.name}`, 'apply', () => pre.apply(input))
    const all = made.map((vector) => bits(vector))
    vectors.forEach((vector, k) => assertSame(bits(vector), before[k], `it wrote into input ${k}`))
    for (const vector of lent) arena.free(vector)
    return all
  }

  return [
    {
      name: 'says its name, what it is, and its condition',
      prove() {
        const pre = create()
        assertNamed(pre)
        assert.match(String(pre.check(0)), /expected/, 'check(0) must say how many are expected')
      }
    },
    {
      name: 'makes as many vectors as it says, of the same length, and writes nothing else',
      prove: always((inputs) => {
        const made = run(inputs)
        assert.equal(made.length, create().count(inputs.length), 'vectors')
        for (const row of made) assert.equal(row.length, inputs[0].length, 'floats of each')
      })
    },
    {
      name: 'gives finite vectors for finite inputs',
      prove() {
        const finite = (inputs: readonly number[][]) => {
          for (const [k, row] of run(inputs).entries()) {
            const index = row.findIndex((word) => (word & 0x7f800000) === 0x7f800000)
            assert.ok(index < 0, `got what is not finite in vector ${k} at ${index}`)
          }
        }
        fc.assert(fc.property(rows(), finite), { numRuns: 60 })
        for (const n of [4, 7, 12]) if (create().check(n) === undefined) worst(n, LARGEST).forEach(finite)
      }
    },
    {
      name: 'gives the same bits again, from another instance, and by the SIMD path',
      prove: always((inputs, others) => {
        const pre = create()
        const first = run(inputs, { pre }).flat()
        assertSame(run(inputs, { pre }).flat(), first, 'the second time')
        for (const more of [opposite(inputs), others]) run(more, { pre })
        assertSame(run(inputs, { pre }).flat(), first, 'after other inputs')
        assertSame(run(inputs).flat(), first, 'from another instance')
        assertSame(run(inputs, { kernels: simd }).flat(), first, 'by SIMD')
      })
    }
  ]
}

interface Run {
  readonly pre: PreAggregator
  readonly kernels: Kernels
}
