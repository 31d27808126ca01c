import assert from 'node:assert/strict'
import { Arena, createKernels, random, type Aggregator, type RuleKernels, type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { assertNamed, assertSame, bits, opposite } from './arrays.js'
import { counting } from './counting.js'
import { endsItsWork } from './ends-its-work.js'
import { meanAndSpread, worst } from './hard-inputs.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'
import { ruleClaims } from './rule-claims.js'
import { countsOf, LARGEST } from './rule-inputs.js'
import { runRule, type RunInit } from './run-rule.js'

export interface AggregatorProperties {
  /** identical inputs and permuted inputs give the very same bits; else within the rounding of n additions */
  readonly exact?: boolean
  /** how many of n inputs may be hostile while every coordinate stays in the range of the others; 0: not robust */
  readonly tolerates?: (n: number) => number
  /** a rule of signs, say, gives something else for identical inputs */
  readonly identity?: false
  /** whether the order of inputs decides between equals only, or always */
  readonly order?: 'ties' | 'always'
  /**
   * With `hostile` of n inputs, whatever they are, the distance of the result from the mean of the others is at most `factor`
   * times their root mean square distance from it: (f, κ)-robustness with κ = factor² (Allouah et al., AISTATS 2023)
   */
  readonly bounded?: (n: number) => { readonly hostile: number; readonly factor: number }
  /** finite inputs up to this magnitude give a finite result */
  readonly largest?: number
  /** times that its kernels go over all inputs at most, whatever these are; 32 when left out */
  readonly passes?: number
  /** numbers of inputs that meet the rule's condition, for the laws to draw from; those up to 9 that `check` allows */
  readonly counts?: { readonly min: number; readonly max: number }
}

/** Floats of a vector that kernels and rules may take in parts. */
const LONG = 5003

/** Milliseconds that a rule may take for a few small vectors. */
const PATIENCE = 10_000

/**
 * The laws of an aggregation rule. Rejects with a report of those that do not hold. One that is named by its module
 * runs in a worker first, and may take `patience` milliseconds there for a few small vectors.
 */
export async function checkAggregator(
  subject: Subject<'aggregator'>,
  {
    options,
    stuckAfter,
    patience = PATIENCE,
    ...properties
  }: AggregatorProperties & CheckOptions & { readonly patience?: number } = {}
): Promise<Report> {
  const { who, create, watch, reference } = await examine('aggregator', subject, { options, stuckAfter })
  const ends = reference === undefined ? [] : [endsItsWork(create, reference, { ...properties, patience })]
  return judge(who, [members(create), ...ends, ...aggregatorLaws(create, properties)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh rule. */
export function aggregatorLaws(create: () => Aggregator, properties: AggregatorProperties = {}): Law[] {
  const {
    exact = false,
    tolerates = () => 0,
    largest = LARGEST,
    identity = true,
    order,
    bounded,
    passes = 32
  } = properties
  const scalar = createKernels()
  const floats = fc.float({
    noNaN: true,
    noDefaultInfinity: true,
    min: -Math.fround(largest),
    max: Math.fround(largest)
  })
  const counts = () => properties.counts ?? countsOf(create())
  /** n rows of one length; small and equal values are drawn often enough that ties happen */
  const rows = (): fc.Arbitrary<readonly (readonly number[])[]> =>
    fc.tuple(fc.integer(counts()), fc.integer({ min: 1, max: 40 })).chain(([n, length]) =>
      fc.array(fc.array(fc.oneof(floats, fc.constantFrom(0, -0, 1, -1)), { minLength: length, maxLength: length }), {
        minLength: n,
        maxLength: n
      })
    )

  /** Rows of one length without equals, so that no order has to decide. */
  const untied = () =>
    fc
      .tuple(fc.integer(counts()), fc.integer({ min: 2, max: 20 }), fc.integer(), fc.constantFrom(1e-30, 1, 1e15))
      .map(([n, length, seed, size]) => {
        const noise = random(seed, 'untied')
        return Array.from({ length: n }, () => Array.from({ length }, () => size * noise.normal()))
      })

  const run = (
    inputs: readonly (readonly number[])[],
    { rule = create(), ...init }: RunInit & { rule?: Aggregator } = {}
  ) => runRule(rule, inputs, init)

  /** error of n float32 products and n additions on values of this size, subnormal ones too */
  const rounding = (n: number, row: readonly number[]) =>
    (n + 1) * (2 ** -23 * Math.max(...row.map(Math.abs)) + 2 ** -149)

  function expectSame(got: Vector, expected: ArrayLike<number>, tolerance: (i: number) => number): void {
    if (exact) return assertSame(bits(got), bits(Float32Array.from(expected)), 'bits')
    for (let i = 0; i < got.length; i++) {
      const close = Math.abs(got[i] - expected[i]) <= tolerance(i)
      assert.ok(close, `got ${got[i]} at ${i}, expected ${expected[i]} within ${tolerance(i)}`)
    }
  }

  const robust: Law = {
    name: 'stays in the range of the honest inputs, whatever the hostile ones say',
    prove: () =>
      fc.assert(
        fc.property(rows(), fc.integer(), fc.integer(), (inputs, some, seed) => {
          const most = tolerates(inputs.length)
          const hostile = most === 0 ? 0 : Math.abs(some) % (most + 1)
          const honest = inputs.slice(hostile)
          const order = random(seed).shuffle(inputs.map((_, i) => i))
          const out = run(order.map((i) => inputs[i]))
          for (let i = 0; i < out.length; i++) {
            const column = honest.map((row) => Math.fround(row[i]))
            const [least, most] = [Math.min(...column), Math.max(...column)]
            assert.ok(out[i] >= least && out[i] <= most, `got ${out[i]} at ${i}, expected ${least} to ${most}`)
          }
        }),
        { numRuns: 300 }
      )
  }

  const apart: Law = {
    name: 'gives each coordinate from that coordinate alone, as it says',
    claimed: () => create().perCoordinate === true,
    prove() {
      const cut = fc.integer({ min: 0, max: 39 })
      fc.assert(
        fc.property(rows(), cut, (inputs, at) => {
          const parts = [inputs.map((row) => row.slice(0, at)), inputs.map((row) => row.slice(at))]
          const merged = parts.flatMap((part) => (part[0].length === 0 ? [] : [...run(part)]))
          assertSame(bits(Float32Array.from(merged)), bits(run(inputs)), 'bits')
        })
      )
    }
  }

  const same: Law = {
    name: 'gives the identity for identical inputs',
    prove: () =>
      fc.assert(
        fc.property(fc.integer(counts()), fc.array(floats, { minLength: 1, maxLength: 40 }), (n, row) => {
          expectSame(run(Array.from({ length: n }, () => row)), row, (i) => rounding(n, [row[i]]))
        })
      )
  }

  const anyOrder: Law = {
    name: order === undefined ? 'does not depend on the order of the inputs' : 'asks the order between equals only',
    prove: () =>
      fc.assert(
        fc.property(order === undefined ? rows() : untied(), fc.integer(), (inputs, seed) => {
          const shuffled = random(seed).shuffle(inputs.map((_, i) => i))
          const column = (i: number) => inputs.map((row) => row[i])
          const tolerance = (i: number) => 2 * rounding(inputs.length, column(i))
          expectSame(run(shuffled.map((i) => inputs[i])), run(inputs), tolerance)
        })
      )
  }

  const near: Law = {
    name: 'stays as near to the honest inputs as it claims, whatever the hostile ones say',
    prove: () =>
      fc.assert(
        fc.property(untied(), fc.constantFrom(1e-3, 0.1, 1, 3, 10, 1e6, 1e20), fc.nat(), (inputs, far, some) => {
          const { hostile, factor } = bounded?.(inputs.length) ?? { hostile: 0, factor: Infinity }
          // no rule bears as many hostile inputs as honest ones
          if (2 * hostile >= inputs.length) return
          const honest = inputs.slice(hostile)
          const [mean, spread] = meanAndSpread(honest)
          const direction = some % 2 === 0 ? inputs[0] : honest[some % honest.length]
          const lies = inputs.slice(0, hostile).map((row) => row.map((x, i) => mean[i] + far * direction[i] + 1e-3 * x))
          const out = run([...lies, ...honest])
          const distance = Math.sqrt(mean.reduce((sum, x, i) => sum + (out[i] - x) ** 2, 0))
          const most = factor * spread * (1 + 1e-5) + 1e-6 * Math.hypot(...mean)
          assert.ok(distance <= most, `got ${distance} from the mean of the honest, expected at most ${most}`)
        })
      )
  }

  return [
    {
      name: 'says its name, what it is, and its condition',
      prove() {
        const rule = create()
        assertNamed(rule)
        const { min, max } = counts()
        for (let n = min; n <= max; n++) assert.equal(rule.check(n), undefined, `check(${n})`)
        assert.match(String(rule.check(0)), /expected/, 'check(0) must say how many are expected')
      }
    },
    {
      name: 'writes its output whole, and nothing else',
      prove() {
        fc.assert(
          fc.property(rows(), (inputs) => {
            const unwritten = run(inputs).findIndex(Number.isNaN)
            assert.ok(unwritten < 0, `got NaN or nothing at ${unwritten} of ${inputs[0].length}`)
          }),
          { numRuns: 30 }
        )
      }
    },
    {
      name: 'gives the same bits again, from another instance, and at another address',
      prove: () =>
        fc.assert(
          fc.property(rows(), rows(), fc.integer({ min: 1, max: 5 }), (inputs, others, offset) => {
            const rule = create()
            const first = bits(run(inputs, { rule }))
            assertSame(bits(run(inputs, { rule })), first, 'the second time')
            for (const more of [opposite(inputs), others]) run(more, { rule })
            assertSame(bits(run(inputs, { rule })), first, 'after other inputs')
            assertSame(bits(run(inputs)), first, 'from another instance')
            assertSame(bits(run(inputs, { offset })), first, 'at another address')
          })
        )
    },
    {
      name: 'gives the same bits by the SIMD path as by the scalar one',
      prove() {
        // the inputs, and three times as much scratch
        const arena = Arena.create({ bytes: (1 << 20) + 4 * counts().max * 4 * LONG })
        const simd = createKernels({ memory: arena.memory })
        const alike = (inputs: readonly (readonly number[])[]) =>
          assertSame(inArena(arena, simd, create(), inputs), bits(run(inputs)), 'bits')
        fc.assert(fc.property(rows(), alike))
        // of more floats than a block
        const noise = random(1, 'long')
        alike(Array.from({ length: counts().max }, () => Array.from({ length: LONG }, () => noise.normal())))
      }
    },
    {
      name: 'gives finite results for finite inputs',
      prove() {
        const finite = (inputs: readonly (readonly number[])[], samples = inputs.map(() => 8)) => {
          const out = run(inputs, { samples })
          const index = out.findIndex((value) => !Number.isFinite(value))
          assert.ok(index < 0, `got ${out[index]} at ${index}`)
        }
        const weighed = fc.array(fc.constantFrom(0, 1, 8, 60_000), { minLength: counts().max, maxLength: counts().max })
        fc.assert(fc.property(rows(), weighed, (inputs, samples) => finite(inputs, samples.slice(0, inputs.length))))
        const { max } = counts()
        finite(
          Array.from({ length: max }, (_, i) => [i, -i]),
          Array<number>(max).fill(0)
        )
        finite(Array.from({ length: max }, (_, i) => [largest, -largest, i % 2 === 0 ? largest : -largest]))
        for (const inputs of worst(max, largest)) finite(inputs)
      }
    },
    {
      name: 'does no more work than its passes, whatever the inputs',
      prove() {
        const bound = (inputs: readonly (readonly number[])[]) => {
          const { kernels, floats } = counting(scalar)
          run(inputs, { kernels })
          const most = passes * (inputs.length + 1) * inputs[0].length
          assert.ok(floats() <= most, `its kernels got ${floats()} floats, expected at most ${most}`)
        }
        fc.assert(fc.property(rows(), bound))
        for (const inputs of worst(counts().max, largest)) bound(inputs)
      }
    },
    apart,
    ...ruleClaims(create, () => counts().max),
    ...(identity ? [same] : []),
    ...(order === 'always' ? [] : [anyOrder]),
    ...(bounded === undefined ? [] : [near]),
    ...(properties.tolerates === undefined || tolerates(counts().max) === 0 ? [] : [robust])
  ]
}

/** The bits that a rule gives with vectors and scratch in an arena, where kernels are SIMD. */
function inArena(
  arena: Arena,
  kernels: RuleKernels,
  rule: Aggregator,
  inputs: readonly (readonly number[])[]
): number[] {
  const lent: Vector[] = []
  const allocate = (length: number) => {
    const vector = arena.allocate(length)
    lent.push(vector)
    return vector
  }
  try {
    return bits(runRule(rule, inputs, { kernels, allocate }))
  } finally {
    for (const vector of lent) arena.free(vector)
  }
}
