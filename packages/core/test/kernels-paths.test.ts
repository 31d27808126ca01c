import type { ByteVector, HalfVector, Kernels, Vector } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bits, finite, fromBits, rows, scalar, simd, values, withVectors, type Giver } from './kernels-support.js'

type Output = Vector | HalfVector | ByteVector | number
/** Runs one kernel on fresh vectors and returns all that it wrote. */
type Run = (kernels: Kernels, give: Giver, x: number[][], a: number) => Output[]

const anything = fc.oneof(finite, fc.constantFrom(Infinity, -Infinity, NaN))
const scalars = fc.oneof(finite, fc.constantFrom(0.1, 1 / 3, 1e-30, 1e30))

function sameBits(inputs: fc.Arbitrary<number[][]>, run: Run): void {
  const written = (kernels: Kernels, x: number[][], a: number) =>
    withVectors((give) => run(kernels, give, x, a).map((out) => (typeof out === 'number' ? [out] : bits(out))))
  fc.assert(
    fc.property(inputs, scalars, (x, a) => {
      expect(written(simd, x, a)).toEqual(written(scalar, x, a))
    }),
    { numRuns: 300 }
  )
}

const ruleInputs = rows(1, 19)
const one = values.map((x) => [x])
const two = values.map((x) => [x, [...x].reverse()])
const wild = fc.array(anything, { maxLength: 40 }).map((x) => [x])

function rule(call: (kernels: Kernels, out: Vector, inputs: Vector[]) => void): Run {
  return (kernels, give, x) => {
    const out = give.vector(x[0].length)
    call(
      kernels,
      out,
      x.map((row) => give.vector(row))
    )
    return [out]
  }
}

describe('SIMD and scalar give the same bits', () => {
  it.each([
    ['blocks and some coordinates', 9, 2 * 32_768 + 7],
    ['inputs than one pass takes', 2050, 5]
  ])('sums of more %s', (_what, most, length) => {
    const row = (k: number) => Array.from({ length }, (_, i) => Math.sin(k * 977 + i * 131) * 10 ** ((i % 7) - 3))
    const inputs = Array.from({ length: most }, (_, k) => row(k))
    const weights = inputs.map((_, k) => ((k * 37) % 11) + 0.3)
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8, most]) {
      const [a, b] = [simd, scalar].map((kernels) =>
        withVectors((give) => {
          const x = inputs.slice(0, n).map((values) => give.vector(values))
          const outs = [give.vector(length), give.vector(length), give.vector(length)]
          kernels.mean(outs[0], x)
          kernels.sum(outs[1], x)
          kernels.weightedMean(outs[2], x, weights.slice(0, n))
          return outs.map((out) => Buffer.from(new Uint8Array(out.buffer, out.byteOffset, out.byteLength)))
        })
      )
      for (const [k, out] of a.entries()) expect(out.equals(b[k])).toBe(true)
    }
  })
  it('mean', () =>
    sameBits(
      ruleInputs,
      rule((k, out, x) => k.mean(out, x))
    ))
  it('sum', () =>
    sameBits(
      ruleInputs,
      rule((k, out, x) => k.sum(out, x))
    ))
  it('weightedMean', () =>
    sameBits(
      ruleInputs,
      rule((k, out, x) =>
        k.weightedMean(
          out,
          x,
          x.map((_, i) => ((i * 37) % 11) + 0.3)
        )
      )
    ))
  it('median', () =>
    sameBits(
      rows(1, 64),
      rule((k, out, x) => k.median(out, x))
    ))
  it('rules over more than one block', () => {
    for (const n of [1, 3, 4, 9]) {
      const x = Array.from({ length: n }, (_, k) =>
        Array.from({ length: 8195 }, (_, i) => Math.fround(Math.sin(i * n + k)))
      )
      for (const name of ['mean', 'sum', 'median'] as const) {
        const run = rule((k, out, inputs) => k[name](out, inputs))
        const out = [simd, scalar].map((k) => withVectors((give) => run(k, give, x, 0).map((v) => bits(v as Vector))))
        expect(out[0]).toEqual(out[1])
      }
    }
  })

  it('copy, fill, scale, axpy', () =>
    sameBits(two, (k, give, [x, y], a) => {
      const [copied, filled, scaled, summed] = [x, x, x, y].map((row) => give.vector(row))
      const input = give.vector(x)
      k.copy(copied, input)
      k.fill(filled, a)
      k.scale(scaled, input, a)
      k.axpy(summed, a, input)
      return [copied, filled, scaled, summed]
    }))
  it('scale and axpy in place', () =>
    sameBits(one, (k, give, [x], a) => {
      const [scaled, summed] = [give.vector(x), give.vector(x)]
      k.scale(scaled, scaled, a)
      k.axpy(summed, a, summed)
      return [scaled, summed]
    }))
  it('above, also in place', () =>
    sameBits(two, (k, give, [x, y], a) => {
      const [out, inPlace, other] = [give.vector(y), give.vector(x), give.vector(y)]
      k.above(out, inPlace, a, other)
      k.above(inPlace, inPlace, Math.abs(a) % 3, other)
      return [out, inPlace]
    }))
  it('dot, squaredNorm, squaredDistance, maxAbs', () =>
    sameBits(two, (k, give, [x, y]) => {
      const [a, b] = [give.vector(x), give.vector(y)]
      return [k.dot(a, b), k.squaredNorm(a), k.squaredDistance(a, b), k.maxAbs(a)]
    }))
  it('maxAbs and firstNonFinite with NaN and infinities', () =>
    sameBits(wild, (k, give, [x]) => {
      const a = give.vector(x)
      return [k.maxAbs(a), k.firstNonFinite(a)]
    }))

  it('f16 and bf16, with NaN and infinities', () =>
    sameBits(fc.oneof(wild, one), (k, give, [x]) => {
      const input = give.vector(x)
      const [half, brain, decoded, summed] = [give.half(x.length), give.half(x.length), give.vector(x), give.vector(x)]
      const brainDecoded = give.vector(x)
      k.encodeF16(half, input)
      k.encodeBF16(brain, input)
      k.decodeF16(decoded, half)
      k.decodeBF16(brainDecoded, brain)
      k.addF16(summed, half)
      return [half, brain, decoded, brainDecoded, summed]
    }))
  it('int8', () =>
    sameBits(one, (k, give, [x]) => {
      const [quantised, scales] = [give.int8(x.length), give.vector(Math.ceil(x.length / 1024))]
      const out = give.vector(x.length)
      k.quantiseInt8(quantised, scales, give.vector(x))
      k.dequantiseInt8(out, quantised, scales)
      return [quantised, scales, out]
    }))

  it('sgd, momentum, adam', () =>
    sameBits(rows(4, 4), (k, give, [p, g, m, v], a) => {
      const [out, out2, outV, out3, outM3, outV3] = [p, p, p, p, p, p].map((row) => give.vector(row.length))
      const [parameters, gradient, first] = [p, g, m].map((row) => give.vector(row))
      const second = give.vector(v.map(Math.abs))
      const weightDecay = fromBits(0x3c23d70a)
      const allFinite = (...made: Vector[]) => made.every((vector) => vector.every(Number.isFinite))
      const sgd = k.sgd(out, parameters, gradient, { learningRate: a, weightDecay })
      expect(sgd).toBe(allFinite(out))
      const coefficients = { learningRate: a, weightDecay, momentum: 0.9, nesterov: p.length % 2 === 0 }
      const from = { parameters, velocity: first }
      const momentum = k.momentum({ parameters: out2, velocity: outV }, from, gradient, coefficients)
      expect(momentum).toBe(allFinite(out2, outV))
      const adam = k.adam({ parameters: out3, first: outM3, second: outV3 }, { parameters, first, second }, gradient, {
        ...{ stepSize: a, weightDecay, shrink: 0.999, beta1: 0.9, gamma1: 0.1, beta2: 0.99, gamma2: 0.01 },
        ...{ correction: 0.3, epsilon: 1e-8 }
      })
      expect(adam).toBe(allFinite(out3, outM3, outV3))
      return [out, out2, outV, out3, outM3, outV3]
    }))
})
