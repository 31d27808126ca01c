import type { Kernels } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bits, finite, fromBits, paths, values, withVectors } from './kernels-support.js'

/** What binary16 means, by its definition. */
function valueOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 0x3ff
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** All magnitudes of binary16 in order, infinity standing for the next power of two. */
const halves = Array.from({ length: 0x7c01 }, (_, half) => (half === 0x7c00 ? 65_536 : valueOfHalf(half)))

/** The nearest binary16 by search, the even one of two equally near. */
function nearestHalf(value: number): number {
  const magnitude = Math.abs(value)
  let [low, high] = [0, 0x7c00]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (halves[middle] <= magnitude) low = middle
    else high = middle
  }
  const [below, above] = [magnitude - halves[low], halves[high] - magnitude]
  const half = below < above || (below === above && low % 2 === 0) ? low : high
  return half | (value < 0 || Object.is(value, -0) ? 0x8000 : 0)
}

function encodeHalf(k: Kernels, x: number[]): number[] {
  return withVectors((give) => {
    const out = give.half(x.length)
    k.encodeF16(out, give.vector(x))
    return [...out]
  })
}

const all = Array.from({ length: 65_536 }, (_, half) => half)

describe.each(paths)('%s', (_name, k) => {
  it('f16: all 65,536 values decode to their meaning and encode back to themselves', () => {
    withVectors((give) => {
      const [half, back, decoded, summed] = [
        give.half(65_536),
        give.half(65_536),
        give.vector(65_536),
        give.vector(65_536)
      ]
      half.set(all)
      k.decodeF16(decoded, half)
      expect([...decoded]).toEqual(all.map(valueOfHalf))
      k.encodeF16(back, decoded)
      const nan = (h: number) => (h & 0x7fff) > 0x7c00
      expect([...back]).toEqual(all.map((h) => (nan(h) ? (h & 0x8000) | 0x7e00 : h)))
      summed.fill(0.25)
      k.addF16(summed, half)
      expect([...summed]).toEqual(all.map((h) => Math.fround(valueOfHalf(h) + 0.25)))
    })
  })

  it('f16: every tie between neighbours goes to the even one, and its float neighbours to their own side', () => {
    const ties = halves.slice(0, -1).map((value, half) => (value + halves[half + 1]) / 2)
    const step = (value: number, by: number) => {
      const view = new Float32Array([value])
      new Int32Array(view.buffer)[0] += by
      return view[0]
    }
    expect(encodeHalf(k, ties)).toEqual(ties.map((_, half) => half + (half % 2)))
    expect(
      encodeHalf(
        k,
        ties.map((tie) => -step(tie, -1))
      )
    ).toEqual(ties.map((_, half) => half | 0x8000))
    expect(
      encodeHalf(
        k,
        ties.map((tie) => step(tie, 1))
      )
    ).toEqual(ties.map((_, half) => half + 1))
  })

  it('f16: any float goes to the nearest', () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 40 }), (x) => {
        const stored = x.map(Math.fround)
        expect(encodeHalf(k, stored)).toEqual(
          stored.map((v) => (Math.abs(v) >= 65_520 ? (v < 0 ? 0xfc00 : 0x7c00) : nearestHalf(v)))
        )
      })
    )
    expect(encodeHalf(k, [65_519.996, 65_520, Infinity, -Infinity, 3.4e38, NaN])).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00, 0x7e00
    ])
  })

  it('bf16: all values go back and forth, ties go to even, NaN stays NaN', () => {
    withVectors((give) => {
      const [brain, back, decoded] = [give.half(65_536), give.half(65_536), give.vector(65_536)]
      brain.set(all)
      k.decodeBF16(decoded, brain)
      expect(bits(decoded)).toEqual(all.map((b) => ((b & 0x7fff) > 0x7f80 ? 0x7fc00000 : (b << 16) >>> 0)))
      k.encodeBF16(back, decoded)
      expect([...back]).toEqual(all.map((b) => ((b & 0x7fff) > 0x7f80 ? b | 0x40 : b)))
      const x = give.vector(9)
      new Uint32Array(x.buffer, x.byteOffset, 9).set([
        0x3f808000, 0x3f818000, 0x3f808001, 0x3f817fff, 0x7f7fffff, 0xff7fffff, 0x7f800001, 1, 0x8000
      ])
      const out = give.half(9)
      k.encodeBF16(out, x)
      expect([...out]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x3f81, 0x7f80, 0xff80, 0x7fc0, 0, 0])
    })
  })

  const roundTrip = (x: number[]) =>
    withVectors((give) => {
      const [packed, scales] = [give.int8(x.length), give.vector(Math.ceil(x.length / 1024))]
      const [input, out] = [give.vector(x), give.vector(x.length)]
      k.quantiseInt8(packed, scales, input)
      k.dequantiseInt8(out, packed, scales)
      return { packed: [...packed], scales: [...scales], input: [...input], out: [...out] }
    })

  it('int8: within half a scale of the value, and the scale is max|x| / 127 of its block', () => {
    fc.assert(
      fc.property(values, (x) => {
        const { packed, scales, input, out } = roundTrip(x)
        for (const [block, scale] of scales.entries()) {
          const start = block * 1024
          const largest = Math.max(...input.slice(start, start + 1024).map(Math.abs))
          expect(scale).toBe(Math.fround(largest / 127))
          if (scale < 2 ** -120) continue // a subnormal scale is coarse by itself
          for (let i = start; i < Math.min(start + 1024, x.length); i++) {
            expect(Math.abs(out[i] - input[i])).toBeLessThanOrEqual(scale * 0.50001)
            expect(Math.abs(packed[i])).toBeLessThanOrEqual(127)
          }
        }
      }),
      { numRuns: 50 }
    )
  })

  it('int8: zeros, ties to even, both ends, subnormals', () => {
    expect(roundTrip(new Array(1030).fill(-0)).packed).toEqual(new Array(1030).fill(0))
    expect(roundTrip([127, -127, 0.5, 1.5, 2.5, -0.5, -1.5]).packed).toEqual([127, -127, 0, 2, 2, 0, -2])
    const unit = fromBits(1)
    expect(roundTrip([150 * unit, -150 * unit, 3 * unit]).packed).toEqual([127, -127, 3])
    expect(roundTrip([60 * unit]).packed).toEqual([0])
    const most = 3.4028234663852886e38
    expect(roundTrip([most, -most]).out).toEqual([3.4028232635611926e38, -3.4028232635611926e38])
    const { scales } = roundTrip([...new Array(1024).fill(127), 254])
    expect(scales).toEqual([1, 2])
  })
})
