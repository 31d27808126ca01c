import { float64Kernels, type RuleKernels, type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bits, finite, paths, rows, scalar, simd, withVectors, type Giver } from './kernels-support.js'

type Run = (kernels: RuleKernels, give: Giver, x: Vector[]) => (Vector | Float64Array)[]

const weight = (k: number, i: number) => ((k + 2) * (i + 1) * 37) % 5
const weightsOf = (n: number) =>
  [0, 1, 2].map((k) => Array.from({ length: n }, (_, i) => weight(k, i) + (i === 0 ? 1 : 0)))

const RUNS: Readonly<Record<string, Run>> = {
  trimmedMean: once((k, out, x) => k.trimmedMean(out, x, Math.floor((x.length - 1) / 3))),
  meamed: once((k, out, x) => k.meamed(out, x, Math.floor(x.length / 2))),
  signMajority: once((k, out, x) => k.signMajority(out, x)),
  average(kernels, give, x) {
    const outs = weightsOf(x.length).map(() => give.vector(x[0]!.length))
    kernels.average(outs, x, weightsOf(x.length))
    return outs
  },
  averageAndDistances(kernels, give, x) {
    const out = give.vector(x[0]!.length)
    return [kernels.averageAndDistances(out, x, weightsOf(x.length)[1]!), out]
  },
  squaredDistances: (kernels, _give, x) => [kernels.squaredDistances(x[0]!, x)],
  pairDistances: (kernels, _give, x) => [kernels.pairDistances(x)],
  squaredNorms: (kernels, _give, x) => [kernels.squaredNorms(x)]
}

function once(call: (kernels: RuleKernels, out: Vector, inputs: Vector[]) => void): Run {
  return (kernels, give, x) => {
    const out = give.vector(x[0]!.length)
    call(kernels, out, x)
    return [out]
  }
}

const written = (kernels: RuleKernels, run: Run, x: number[][]) =>
  withVectors((give) =>
    run(
      kernels,
      give,
      x.map((row) => give.vector(row))
    ).map((out) => (out instanceof Float32Array ? bits(out) : [...out]))
  )

const long = (n: number, length: number) =>
  Array.from({ length: n }, (_, k) => Array.from({ length }, (_, i) => Math.sin(i * n + k)))

describe.each(Object.entries(RUNS))('%s', (_name, run) => {
  it('gives the same bits by SIMD as by JavaScript', () => {
    fc.assert(
      fc.property(rows(1, 40), (x) => {
        expect(written(simd, run, x)).toEqual(written(scalar, run, x))
      }),
      { numRuns: 150 }
    )
  })

  // more than a block, and more distances than one slot of scratch holds
  it.each([
    [5, 2051],
    [40, 1025],
    [64, 33]
  ])('so it does with %i inputs of %i floats', (n, length) => {
    const x = long(n, length)
    expect(written(simd, run, x)).toEqual(written(scalar, run, x))
  })

  it('leaves its inputs alone', () => {
    const x = long(7, 21)
    withVectors((give) => {
      const inputs = x.map((row) => give.vector(row))
      const before = inputs.map(bits)
      run(simd, give, inputs)
      expect(inputs.map(bits)).toEqual(before)
    })
  })
})

const ordered = (a: number, b: number) => a - b || Number(Object.is(b, -0)) - Number(Object.is(a, -0))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, -0)

describe.each(paths)('%s', (_name, kernels) => {
  const columns = (x: number[][], call: (out: Vector, inputs: Vector[]) => void) =>
    withVectors((give) => {
      const out = give.vector(x[0]!.length)
      call(
        out,
        x.map((row) => give.vector(row))
      )
      return [...out]
    })
  const sorted = (x: number[][], i: number) => x.map((row) => Math.fround(row[i]!)).sort(ordered)

  it('trimmedMean is the mean of what is left of each sorted column', () => {
    fc.assert(
      fc.property(rows(1, 20), fc.nat(), (x, some) => {
        const trim = some % Math.ceil(x.length / 2)
        const expected = x[0]!.map((_, i) => {
          const kept = sorted(x, i).slice(trim, x.length - trim)
          return Math.fround(sum(kept) / kept.length)
        })
        expect(columns(x, (out, inputs) => kernels.trimmedMean(out, inputs, trim))).toEqual(expected)
      })
    )
  })

  it('meamed is the mean of the nearest to the median, of equals the lower', () => {
    fc.assert(
      fc.property(rows(1, 20, fc.integer({ min: -20, max: 20 })), fc.nat(), (x, some) => {
        const drop = some % x.length
        const expected = x[0]!.map((_, i) => {
          const column = sorted(x, i)
          const middle = (column[(x.length - 1) >> 1]! + column[x.length >> 1]!) / 2
          const far = (value: number) => Math.abs(value - middle)
          const kept = [...column].sort((a, b) => far(a) - far(b) || ordered(a, b)).slice(0, x.length - drop)
          return Math.fround(sum(kept.sort(ordered)) / kept.length)
        })
        const unsigned = (values: number[]) => values.map((value) => value + 0)
        expect(unsigned(columns(x, (out, inputs) => kernels.meamed(out, inputs, drop)))).toEqual(unsigned(expected))
      })
    )
  })

  it('averages overflow nowhere, and of one input are that input', () => {
    const most = 3.4028234663852886e38
    const x = Array.from({ length: 9 }, (_, k) => [most, -most, k % 2 === 0 ? most : -most])
    for (const call of [
      (out: Vector, inputs: Vector[]) => kernels.average([out], inputs, [inputs.map((_, i) => 0.1 + i)]),
      (out: Vector, inputs: Vector[]) => kernels.trimmedMean(out, inputs, 1),
      (out: Vector, inputs: Vector[]) => kernels.meamed(out, inputs, 2)
    ]) {
      expect(columns(x, call).slice(0, 2)).toEqual([most, -most])
      expect(Math.abs(columns(x, call)[2]!)).toBeLessThanOrEqual(most)
    }
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (row, n) => {
        const same = Array.from({ length: n }, () => row)
        const mean = columns(same, (out, inputs) => kernels.average([out], inputs, [inputs.map((_, i) => 1 + (i % 3))]))
        expect(mean).toEqual(columns([row], (out, [input]) => kernels.copy(out, input!)))
      })
    )
  })

  it('refuses weights and numbers to drop that are none', () => {
    const refused = (call: (out: Vector, inputs: Vector[]) => void) =>
      expect(() => columns([[1], [2], [3]], call)).toThrow(expect.objectContaining({ code: 'argument' }))
    refused((out, x) => kernels.average([out], x, [[1, -1, 1]]))
    refused((out, x) => kernels.average([out], x, [[0, 0, 0]]))
    refused((out, x) => kernels.average([out], x, [[1, 2]]))
    refused((_out, x) => kernels.average([x[0]!], x, [[1, 1, 1]]))
    refused((out, x) => kernels.trimmedMean(out, x, 2))
    refused((out, x) => kernels.meamed(out, x, 3))
    refused((out, x) => kernels.meamed(out, x, 0.5))
  })
})

it('float64Kernels compute what the others do, without rounding', () => {
  const doubles = (row: number[]) => Float64Array.from(row) as unknown as Vector
  const x = long(7, 5)
  for (const [name, run] of Object.entries(RUNS)) {
    const give = { vector: (length: number) => doubles(Array(length).fill(0)) } as unknown as Giver
    const exact = run(float64Kernels, give, x.map(doubles)).map((out) => [...out])
    const rounded = withVectors((give) =>
      run(
        scalar,
        give,
        x.map((row) => give.vector(row))
      ).map((out) => [...out])
    )
    for (const [k, row] of exact.entries()) {
      for (const [i, value] of row.entries()) expect(rounded[k]![i], name).toBeCloseTo(value, 5)
    }
    if (name === 'average') expect(exact).not.toEqual(exact.map((row) => row.map(Math.fround)))
  }
})
