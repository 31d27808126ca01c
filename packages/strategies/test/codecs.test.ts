import { Arena, createKernels, type Codec, type Vector } from '@peergrad/core'
import { codecs, f16, f32, filters, int8, none } from '@peergrad/strategies'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const arena = Arena.create({ bytes: 4 << 20 })
const kernels = createKernels({ memory: arena.memory })

/** Largest error that the packed form may make of x, given the largest magnitude in its block. */
const ERROR: Record<string, (x: number, largest: number) => number> = {
  f32: () => 0,
  f16: (x) => Math.max(Math.abs(x) * 2 ** -11, 2 ** -25),
  int8: (_, largest) => 0.5001 * (largest / 127) + 2 ** -142
}

function withVector<T>(values: ArrayLike<number>, work: (vector: Vector) => T): T {
  const vector = arena.allocate(values.length)
  vector.set(values)
  try {
    return work(vector)
  } finally {
    arena.free(vector)
  }
}

function roundTrip(codec: Codec, values: ArrayLike<number>): { packed: number[]; decoded: Float32Array } {
  return withVector(values, (input) =>
    withVector(new Float32Array(values.length), (output) => {
      const packed = arena.allocateBytes(codec.bytes(values.length))
      codec.encode(input, packed, kernels)
      codec.decode(packed, output, kernels)
      const result = { packed: [...packed], decoded: output.slice() }
      arena.free(packed)
      return result
    })
  )
}

const lengths = fc.constantFrom(0, 1, 3, 16, 1023, 1024, 1025, 2100)
const vectors = lengths.chain((length) =>
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -60000, max: 60000 }), {
    minLength: length,
    maxLength: length
  })
)

describe.each([
  ['f32', f32({})],
  ['f16', f16({})],
  ['int8', int8({})]
])('codec %s', (name, codec) => {
  it('gives back every value within its stated error, and the same bytes each time', () => {
    fc.assert(
      fc.property(vectors, (values) => {
        const { packed, decoded } = roundTrip(codec, values)
        expect(roundTrip(codec, values).packed).toEqual(packed)
        for (let start = 0; start < values.length; start += 1024) {
          const block = values.slice(start, start + 1024)
          const largest = Math.max(...block.map(Math.abs))
          for (const [i, x] of block.entries()) {
            const got = decoded[start + i]!
            if (Math.abs(got - x) > ERROR[name]!(x, largest)) expect.fail(`${x} became ${got} at ${start + i}`)
          }
        }
      }),
      { numRuns: 40 }
    )
  })

  it('refuses packed bytes of another size than the floats make', () => {
    withVector([1, 2, 3], (vector) => {
      for (const size of [codec.bytes(3) - 1, codec.bytes(3) + 1]) {
        const packed = arena.allocateBytes(size)
        expect(() => codec.encode(vector, packed, kernels)).toThrow(expect.objectContaining({ code: 'shape' }))
        expect(() => codec.decode(packed, vector, kernels)).toThrow(expect.objectContaining({ code: 'shape' }))
        arena.free(packed)
      }
    })
  })

  it('stands in the registry under its name', () => {
    expect(codecs.entries.get(name)?.describe).toBe(codec.describe)
  })
})

describe.each([
  ['f16', f16({}), [NaN, Infinity, 65520, -70000]],
  ['int8', int8({}), [NaN, -Infinity]]
])('codec %s', (_, codec, values) => {
  it.each(values)('refuses to pack %d', (value) => {
    expect(() => roundTrip(codec, [0, value])).toThrow(expect.objectContaining({ code: 'non-finite' }))
  })
})

it('f16 packs the largest value that it holds', () => {
  expect([...roundTrip(f16({}), [65504, -65504]).decoded]).toEqual([65504, -65504])
})

it('f16 and int8 refuse packed bytes that start askew', () => {
  withVector([1, 2], (vector) => {
    for (const codec of [f16({}), int8({})]) {
      const packed = arena.allocateBytes(codec.bytes(2) + 1).subarray(1)
      expect(() => codec.encode(vector, packed, kernels)).toThrow(expect.objectContaining({ code: 'argument' }))
    }
  })
})

it('the filter none sends the whole update', () => {
  withVector([1, 2], (update) =>
    withVector([0, 0], (residual) => {
      none({}).apply({ update, residual, parameters: update, step: 1, kernels })
      expect([[...update], [...residual]]).toEqual([
        [1, 2],
        [0, 0]
      ])
    })
  )
  expect([...filters.entries.keys()]).toEqual(['none'])
})
