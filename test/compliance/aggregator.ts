import { Arena, createKernels, random, type Aggregator, type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

export interface AggregatorProperties {
  /** identical inputs and permuted inputs give the very same bits; else within the rounding of n additions */
  readonly exact: boolean
  /** how many of n inputs may be hostile while every coordinate stays in the range of the others; 0: not robust */
  readonly tolerates: (n: number) => number
  /** finite inputs up to this magnitude give a finite result */
  readonly largest: number
  /** numbers of inputs that meet the rule's condition, for the laws to draw from */
  readonly counts: { readonly min: number; readonly max: number }
}

/** The laws of an aggregation rule, for ours and for yours. `create` makes a fresh one. */
export function aggregatorCompliance(name: string, create: () => Aggregator, properties: AggregatorProperties): void {
  const { exact, tolerates, largest, counts } = properties
  const kernels = createKernels()
  const floats = fc.float({
    noNaN: true,
    noDefaultInfinity: true,
    min: -Math.fround(largest),
    max: Math.fround(largest)
  })
  /** n rows of one length; small and equal values are drawn often enough that ties happen */
  const rows = fc.tuple(fc.integer(counts), fc.integer({ min: 1, max: 40 })).chain(([n, length]) =>
    fc.array(fc.array(fc.oneof(floats, fc.constantFrom(0, -0, 1, -1)), { minLength: length, maxLength: length }), {
      minLength: n,
      maxLength: n
    })
  )

  function run(
    inputs: readonly number[][],
    { rule = create(), offset = 0, samples = inputs.map(() => 8) } = {}
  ): Vector {
    const length = inputs[0]!.length
    const room = () => new Float32Array(new SharedArrayBuffer(4 * (length + offset))).subarray(offset)
    const vectors = inputs.map((row) => {
      const vector = room()
      vector.set(row)
      return vector
    })
    const before = vectors.map((vector) => vector.slice())
    const out = room().fill(NaN)
    const scratch = (size: number) => ({
      vector: new Float32Array(new SharedArrayBuffer(4 * size)).fill(NaN),
      release: () => {}
    })
    rule.aggregate({ vectors, samples, out, kernels, random: random(7, 'compliance'), scratch })
    expect(vectors.map(bits)).toEqual(before.map(bits))
    return out
  }

  /** error of n float32 products and n additions on values of this size, subnormal ones too */
  const rounding = (n: number, row: readonly number[]) =>
    (n + 1) * (2 ** -23 * Math.max(...row.map(Math.abs)) + 2 ** -149)

  function expectSame(got: Vector, expected: ArrayLike<number>, tolerance: (i: number) => number): void {
    if (exact) expect(bits(got)).toEqual(bits(Float32Array.from(expected)))
    else for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - expected[i]!)).toBeLessThanOrEqual(tolerance(i))
  }

  describe(`aggregator ${name}`, () => {
    it('says its name, what it is, and its condition', () => {
      const rule = create()
      expect(rule.name).toMatch(/^[a-z][a-z0-9-]*$/)
      expect(rule.describe.length).toBeGreaterThan(10)
      for (let n = counts.min; n <= counts.max; n++) expect(rule.check(n)).toBeUndefined()
      expect(rule.check(0)).toMatch(/expected/)
    })

    it('gives the identity for identical inputs', () => {
      fc.assert(
        fc.property(fc.integer(counts), fc.array(floats, { minLength: 1, maxLength: 40 }), (n, row) => {
          expectSame(run(Array.from({ length: n }, () => row)), row, (i) => rounding(n, [row[i]!]))
        })
      )
    })

    it('does not depend on the order of the inputs', () => {
      fc.assert(
        fc.property(rows, fc.integer(), (inputs, seed) => {
          const order = random(seed).shuffle(inputs.map((_, i) => i))
          const tolerance = (i: number) =>
            2 *
            rounding(
              inputs.length,
              inputs.map((row) => row[i]!)
            )
          expectSame(run(order.map((i) => inputs[i]!)), run(inputs), tolerance)
        })
      )
    })

    it('gives the same bits again, from another instance, and at another address', () => {
      fc.assert(
        fc.property(rows, fc.integer({ min: 1, max: 5 }), (inputs, offset) => {
          const rule = create()
          const first = bits(run(inputs, { rule }))
          expect(bits(run(inputs, { rule }))).toEqual(first)
          expect(bits(run(inputs))).toEqual(first)
          expect(bits(run(inputs, { offset }))).toEqual(first)
        })
      )
    })

    it('gives the same bits by the SIMD path as by the scalar one', () => {
      const arena = Arena.create({ bytes: 1 << 20 })
      const inArena = (row: ArrayLike<number>) => {
        const vector = arena.allocate(row.length)
        vector.set(row)
        return vector
      }
      const simd = createKernels({ memory: arena.memory })
      fc.assert(
        fc.property(rows, (inputs) => {
          const vectors = inputs.map(inArena)
          const out = inArena(inputs[0]!)
          const lent: Vector[] = []
          const scratch = (length: number) => {
            const vector = arena.allocate(length)
            lent.push(vector)
            return { vector, release: () => {} }
          }
          const samples = inputs.map(() => 8)
          create().aggregate({ vectors, samples, out, kernels: simd, random: random(7, 'compliance'), scratch })
          const got = bits(out)
          for (const vector of [...vectors, out, ...lent]) arena.free(vector)
          expect(got).toEqual(bits(run(inputs)))
        })
      )
    })

    it('gives finite results for finite inputs', () => {
      fc.assert(fc.property(rows, (inputs) => run(inputs).every(Number.isFinite)))
      const extremes = Array.from({ length: counts.max }, (_, i) => [
        largest,
        -largest,
        i % 2 === 0 ? largest : -largest
      ])
      expect(run(extremes).every(Number.isFinite)).toBe(true)
    })

    if (tolerates(counts.max) === 0) return
    it('stays in the range of the honest inputs, whatever the hostile ones say', () => {
      fc.assert(
        fc.property(rows, fc.integer(), fc.integer(), (inputs, some, seed) => {
          const most = tolerates(inputs.length)
          const hostile = most === 0 ? 0 : Math.abs(some) % (most + 1)
          const honest = inputs.slice(hostile)
          const order = random(seed).shuffle(inputs.map((_, i) => i))
          const out = run(order.map((i) => inputs[i]!))
          for (let i = 0; i < out.length; i++) {
            const column = honest.map((row) => Math.fround(row[i]!))
            expect(out[i]).toBeGreaterThanOrEqual(Math.min(...column))
            expect(out[i]).toBeLessThanOrEqual(Math.max(...column))
          }
        }),
        { numRuns: 300 }
      )
    })
  })
}

function bits(vector: Float32Array): number[] {
  return [...new Uint32Array(vector.slice().buffer)]
}
