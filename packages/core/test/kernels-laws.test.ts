import type { Vector } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arena, bits, finite, paths, rows, scalar, simd, values, withVectors } from './kernels-support.js'

const { fround } = Math
const moderate = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })

describe.each(paths)('%s', (_name, k) => {
  const result = (x: number[][], call: (out: Vector, inputs: Vector[]) => void): number[] =>
    withVectors((give) => {
      const out = give.vector(x[0].length)
      const inputs = x.map((row) => give.vector(row))
      call(out, inputs)
      expect(inputs.map((input) => bits(input))).toEqual(
        withVectors((other) => x.map((row) => bits(other.vector(row))))
      )
      return [...out]
    })

  it('mean is the sum in the order given, each addition rounded, and one true division', () => {
    fc.assert(
      fc.property(rows(1, 13), (x) => {
        const expected = x[0].map((_, i) => {
          let sum = fround(x[0][i])
          for (const row of x.slice(1)) sum = fround(sum + fround(row[i]))
          const wide = x.reduce((all, row) => all + row[i], 0) / x.length
          return fround(Number.isFinite(sum) ? sum / x.length : wide)
        })
        expect(result(x, (out, inputs) => k.mean(out, inputs))).toEqual(expected)
      })
    )
  })

  it('means of the largest floats are none that is larger', () => {
    const largest = 3.4028234663852886e38
    const huge = fc.constantFrom(largest, -largest, fround(3.4e38), -fround(3.4e38), 1)
    fc.assert(
      fc.property(rows(1, 13, huge), (x) => {
        const weights = x.map((_, k) => 1 + (k % 3))
        const plain = result(x, (out, inputs) => k.mean(out, inputs))
        const weighted = result(x, (out, inputs) => k.weightedMean(out, inputs, weights))
        const exact = (by: number[]) => {
          const total = by.reduce((sum, weight) => sum + weight, 0)
          return x[0].map((_, i) => x.reduce((sum, row, at) => sum + by[at] * row[i], 0) / total)
        }
        for (const [means, wide] of [
          [plain, exact(x.map(() => 1))],
          [weighted, exact(weights)]
        ])
          for (const [i, mean] of means.entries()) expect(Math.abs(mean - wide[i]) / largest).toBeLessThan(1e-5)
      })
    )
    const seven = Array.from({ length: 7 }, () => [3.4e38, -3.4e38])
    expect(result(seven, (out, inputs) => k.mean(out, inputs))).toEqual([fround(3.4e38), -fround(3.4e38)])
  })

  it('sum and mean of many inputs', () => {
    const x = Array.from({ length: 1000 }, (_, n) => [n, 1, fround(0.1), -0])
    let tenths = fround(0.1)
    for (let n = 1; n < 1000; n++) tenths = fround(tenths + fround(0.1))
    expect(result(x, (out, inputs) => k.sum(out, inputs))).toEqual([499_500, 1000, tenths, -0])
    expect(result(x, (out, inputs) => k.mean(out, inputs))).toEqual([499.5, 1, fround(tenths / 1000), -0])
  })

  it('mean of 1, 2 or 4 identical inputs and median of any number are the input', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 64 }), (x, n) => {
        const row = x.map((value) => fround(value))
        const small = row.map((value) => value / 8)
        const stored = result([small], (out, [input]) => k.copy(out, input))
        for (const same of [1, 2, 4]) {
          expect(
            result(
              Array.from({ length: same }, () => small),
              (out, inputs) => k.mean(out, inputs)
            )
          ).toEqual(stored)
        }
        expect(
          result(
            Array.from({ length: n }, () => row),
            (out, inputs) => k.median(out, inputs)
          )
        ).toEqual(row)
      }),
      { numRuns: 60 }
    )
  })

  it('median is the middle of the sorted column, whatever the order of the inputs', () => {
    fc.assert(
      fc.property(rows(1, 64), fc.infiniteStream(fc.nat({ max: 63 })), (x, shuffle) => {
        const order = (a: number, b: number) => a - b || (Object.is(a, b) ? 0 : Object.is(a, -0) ? -1 : 1)
        const expected = x[0].map((_, i) => {
          const column = x.map((row) => fround(row[i])).sort(order)
          const [low, high] = [column[(x.length - 1) >> 1], column[x.length >> 1]]
          return low === high ? (Object.is(low, high) ? low : 0) : fround((low + high) / 2)
        })
        expect(result(x, (out, inputs) => k.median(out, inputs))).toEqual(expected)
        const shuffled = [...x]
        for (let i = shuffled.length - 1; i > 0; i--) {
          const j = shuffle.next().value % (i + 1)
          ;[shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]]
        }
        expect(result(shuffled, (out, inputs) => k.median(out, inputs))).toEqual(expected)
      })
    )
  })

  it('median of two huge values does not overflow', () => {
    const huge = fround(3.4e38)
    expect(result([[huge], [huge]], (out, inputs) => k.median(out, inputs))).toEqual([huge])
  })

  it('weightedMean: weight 0 leaves an input out, scaling the weights changes nothing, and it is near the exact mean', () => {
    fc.assert(
      fc.property(rows(1, 9, moderate), (x) => {
        const weights = x.map((_, i) => ((i * 7) % 5) + 1)
        const mean = result(x, (out, inputs) => k.weightedMean(out, inputs, weights))
        expect(
          result(x, (out, inputs) =>
            k.weightedMean(
              out,
              inputs,
              weights.map((w) => w * 8)
            )
          )
        ).toEqual(mean)
        const extra = [...x, x[0].map(() => 1e30)]
        expect(result(extra, (out, inputs) => k.weightedMean(out, inputs, [...weights, 0])).map((v) => v + 0)).toEqual(
          mean.map((v) => v + 0)
        )
        const total = weights.reduce((sum, w) => sum + w)
        for (const [i, value] of mean.entries()) {
          const exact = x.reduce((sum, row, n) => sum + (row[i] * weights[n]) / total, 0)
          // the second term: each of the operations may round a subnormal
          const bound = 1e-6 * Math.max(...x.map((row) => Math.abs(row[i]))) + 20 * 2 ** -149
          expect(Math.abs(value - exact)).toBeLessThanOrEqual(bound)
        }
      })
    )
  })

  it('dot is summed in four lanes of float64 by index mod 4', () => {
    fc.assert(
      fc.property(values, (x) => {
        const y = [...x].reverse()
        const lanes = (term: (i: number) => number) => {
          const s = [0, 0, 0, 0]
          for (let i = 0; i < x.length; i++) s[i % 4] += term(i)
          return s[0] + s[1] + (s[2] + s[3])
        }
        withVectors((give) => {
          const [a, b] = [give.vector(x), give.vector(y)]
          expect(k.dot(a, b)).toBe(lanes((i) => a[i] * b[i]))
          expect(k.squaredNorm(a)).toBe(k.dot(a, a))
          expect(k.squaredDistance(a, b)).toBe(lanes((i) => (a[i] - b[i]) ** 2))
          expect(k.squaredDistance(a, b)).toBe(k.squaredDistance(b, a))
          expect(k.maxAbs(a)).toBe(x.length === 0 ? 0 : Math.max(...a.map(Math.abs)))
        })
      })
    )
  })

  it('firstNonFinite finds the first at every place', () => {
    withVectors((give) => {
      const x = give.vector(new Array(21).fill(3.4e38))
      expect(k.firstNonFinite(x)).toBe(-1)
      for (const bad of [NaN, Infinity, -Infinity]) {
        for (let i = 20; i >= 0; i--) {
          x[i] = bad
          expect(k.firstNonFinite(x)).toBe(i)
        }
        x.fill(-3.4e38)
      }
    })
  })

  it('takes empty vectors', () => {
    withVectors((give) => {
      const [out, x] = [give.vector(0), give.vector(0)]
      k.mean(out, [x, x, x])
      k.median(out, [x])
      k.quantiseInt8(give.int8(0), give.vector(0), x)
      expect(k.dot(x, x)).toBe(0)
      expect(k.maxAbs(x)).toBe(0)
      expect(k.firstNonFinite(x)).toBe(-1)
    })
  })

  it('refuses what it must not touch', () => {
    withVectors((give) => {
      const [a, b, short] = [give.vector([1, 2, 3, 4]), give.vector([1, 2, 3, 4]), give.vector(3)]
      const code = (expected: string) => expect.objectContaining({ code: expected })
      const rule = (call: () => void, expected: string) => expect(call).toThrow(code(expected))
      rule(() => k.mean(a, []), 'argument')
      rule(() => k.mean(a, [b, short]), 'shape')
      rule(() => k.mean(short, [a, b]), 'shape')
      rule(() => k.mean(a, [b, a]), 'argument')
      rule(() => k.axpy(a.subarray(0, 3), 1, a.subarray(1)), 'argument')
      rule(
        () =>
          k.median(
            a,
            Array.from({ length: 65 }, () => b)
          ),
        'argument'
      )
      rule(() => k.weightedMean(a, [b], [1, 2]), 'argument')
      for (const weights of [[0], [-1], [NaN], [Infinity]]) rule(() => k.weightedMean(a, [b], weights), 'argument')
      rule(() => k.quantiseInt8(give.int8(4), give.vector(2), a), 'shape')
      rule(() => k.dequantiseInt8(a, give.int8(4), a.subarray(0, 1)), 'argument')
      const coefficients = { learningRate: 1, weightDecay: 0, momentum: 0.9, nesterov: false }
      const [c, d] = [give.vector(4), give.vector(4)]
      const vectors = (parameters: Vector, velocity: Vector) => ({ parameters, velocity })
      rule(() => k.momentum(vectors(a, a), vectors(c, d), b, coefficients), 'argument')
      rule(() => k.momentum(vectors(a, b), vectors(b, d), c, coefficients), 'argument')
      rule(() => k.momentum(vectors(a, c), vectors(a, c), a, coefficients), 'argument')
      rule(() => k.sgd(a, short, b, coefficients), 'shape')
      expect([...b]).toEqual([1, 2, 3, 4])
    })
  })
})

it('mean and sum do not depend on the order where all sums are exact', () => {
  fc.assert(
    fc.property(rows(1, 12, fc.integer({ min: -1000, max: 1000 })), (x) => {
      withVectors((give) => {
        const [out, reversed] = [give.vector(x[0].length), give.vector(x[0].length)]
        const inputs = x.map((row) => give.vector(row))
        simd.mean(out, inputs)
        simd.mean(reversed, inputs.toReversed())
        expect([...reversed].map((v) => v + 0)).toEqual([...out].map((v) => v + 0))
      })
    })
  )
})

it('the SIMD path refuses vectors of other memory', () => {
  const foreign = new Float32Array(new SharedArrayBuffer(16))
  expect(() => simd.fill(foreign, 1)).toThrow(expect.objectContaining({ code: 'argument' }))
  scalar.fill(foreign, 1)
  expect([...foreign]).toEqual([1, 1, 1, 1])
})

it('a finite value survives scale by 1', () => {
  fc.assert(
    fc.property(fc.array(finite), (x) => {
      withVectors((give) => {
        const [input, out] = [give.vector(x), give.vector(x.length)]
        simd.scale(out, input, 1)
        expect(bits(out)).toEqual(bits(input))
      })
    })
  )
  expect(arena.bytesInUse).toBe(64)
})
