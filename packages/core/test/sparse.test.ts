import {
  checkSignificance,
  countNonZero,
  createKernels,
  gatherSparse,
  scatterSparse,
  significantPart,
  sparseCount,
  sparseForm,
  type Significance,
  type Vector
} from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const floats = (values: Iterable<number>): Vector => {
  const list = Float32Array.from(values)
  const vector = new Float32Array(new SharedArrayBuffer(list.byteLength))
  vector.set(list)
  return vector
}
const words = (values: Iterable<number>): Vector => {
  const vector = floats(values)
  new Uint32Array(vector.buffer).set([...values])
  return vector
}
/** 8 floats of which 6 are parameters */
const layout = { length: 8, parameters: 6, words: (count: number) => count }

describe('sparse vectors', () => {
  it('are sparse only when that is strictly shorter', () => {
    expect([0, 1, 2, 3, 6].map((count) => sparseForm(layout, count))).toEqual([
      { sparse: true, words: 3 },
      { sparse: true, words: 5 },
      { sparse: true, words: 7 },
      { sparse: false, words: 8 },
      { sparse: false, words: 8 }
    ])
    // 1 + 2k + b = length
    expect(sparseForm({ ...layout, length: 7, parameters: 5 }, 2)).toEqual({ sparse: false, words: 7 })
    const half = { ...layout, words: (count: number) => Math.ceil(count / 2) }
    expect([0, 1].map((count) => sparseForm(half, count))).toEqual([
      { sparse: true, words: 3 },
      { sparse: false, words: 5 }
    ])
  })

  it('come back bit for bit, −0 and NaNs too', () => {
    const word = fc.oneof(
      fc.constant(0),
      fc.constantFrom(0x80000000, 0x7f800001, 1),
      fc.integer({ min: 0, max: 2 ** 32 - 1 })
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (values) => {
        const from = words(values)
        const indices = new Uint32Array(countNonZero(from))
        const [kept, to] = [floats(Array(indices.length)), floats(values.map(() => 5))]
        gatherSparse(from, indices, kept)
        scatterSparse(indices, kept, to)
        expect([...new Uint32Array(to.buffer)]).toEqual(values)
      })
    )
  })

  it.each([
    [[2, 3, 5, 1, 1, 8, 8], 2],
    [[0, 8, 8], 0],
    [[0, 1, 2, 3, 4, 5, 6, 7], undefined]
  ])('tell their form by their length: %j', (packed, count) => {
    expect(sparseCount(words(packed), layout)).toBe(count)
  })

  it.each([[[]], [[0]], [[1, 0, 8]], [[3, 0, 1, 2, 7, 8]], [[0xffffffff, 1, 1, 8, 8]], [[1, 1, 1, 1, 1, 1, 1, 1, 1]]])(
    'that nobody packs are refused: %j',
    (packed) => {
      expect(() => sparseCount(words(packed), layout)).toThrow(expect.objectContaining({ code: 'corrupt' }))
    }
  )

  it.each([[[3, 3]], [[3, 2]], [[0, 6]], [[0xffffffff, 1]]])('with the indices %j are refused', (indices) => {
    const scatter = () => scatterSparse(Uint32Array.from(indices), floats([1, 2]), floats(Array(6)))
    expect(scatter).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })
})

describe('significance', () => {
  const part = (test: Significance, accumulated: number[], parameters: number[]) => {
    const sent = floats(accumulated.map(() => 7))
    significantPart(test, {
      accumulated: floats(accumulated),
      parameters: floats(parameters),
      sent,
      kernels: createKernels()
    })
    return [...sent]
  }

  it('of a parameter is above threshold times its size, each rounded to float32', () => {
    expect(part({ of: 'parameter', threshold: 0.5 }, [1, -1.5, 0.5, 2], [2, 2, 0, -4])).toEqual([0, -1.5, 0.5, 0])
    // float32(0.1) · 3 = 0.30000000447…, which rounds to the float32 above 0.3's
    const edge = Math.fround(Math.fround(0.1) * 3)
    expect(part({ of: 'parameter', threshold: 0.1 }, [edge], [3])).toEqual([0])
    expect(part({ of: 'parameter', threshold: 0 }, [0, -0, 1e-45], [0, 0, 0])).toEqual([0, 0, Math.fround(1e-45)])
  })

  it('of a model is all or nothing', () => {
    expect(part({ of: 'model', threshold: 0.59 }, [3, 0], [3, 4])).toEqual([3, 0])
    expect(part({ of: 'model', threshold: 0.6 }, [3, 0], [3, 4])).toEqual([0, 0])
    expect(part({ of: 'model', threshold: 1 }, [0, 0], [0, 0])).toEqual([0, 0])
  })

  it.each([
    ['parameter', -1],
    ['parameter', NaN],
    ['model', 1e39],
    ['layer', 1]
  ])('of a %s with a threshold of %d is refused', (of, threshold) => {
    expect(() => checkSignificance('filter mine', { of: of as 'model', threshold })).toThrow(
      expect.objectContaining({ code: 'argument' })
    )
  })
})
