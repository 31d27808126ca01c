import { Arena, createKernels, type Codec, type Vector } from '@peergrad/core'
import { codecs, f16, f32, int8, sign } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { codecCompliance } from '../../../test/compliance/codec.js'

const arena = Arena.create({ bytes: 4 << 20 })
const kernels = createKernels({ memory: arena.memory })

function withVector<T>(values: ArrayLike<number>, work: (vector: Vector) => T): T {
  const vector = arena.allocate(values.length)
  vector.set(values)
  try {
    return work(vector)
  } finally {
    arena.free(vector)
  }
}

function roundTrip(codec: Codec, values: ArrayLike<number>): Float32Array {
  return withVector(values, (input) =>
    withVector(new Float32Array(values.length), (output) => {
      const packed = arena.allocateBytes(codec.bytes(values.length))
      codec.encode(input, packed, kernels)
      codec.decode(packed, output, kernels)
      arena.free(packed)
      return output.slice()
    })
  )
}

codecCompliance('f32', () => f32({}), { largest: 3.4e38, error: () => 0 })
codecCompliance('f16', () => f16({}), {
  largest: 60_000,
  error: (values, i) => Math.max(Math.abs(values[i]!) * 2 ** -11, 2 ** -25)
})
codecCompliance('int8', () => int8({}), {
  largest: 3.4028234663852886e38,
  error: (values, i) => {
    const start = i - (i % 1024)
    const largest = Math.max(...values.slice(start, start + 1024).map(Math.abs))
    return 0.5001 * (largest / 127) + 2 ** -142
  }
})

codecCompliance('sign', () => sign({}), {
  largest: 60_000,
  error: (values, i) => {
    const start = i - (i % 1024)
    return 2.001 * Math.max(...values.slice(start, start + 1024).map(Math.abs)) + 2 ** -125
  }
})

it.each([f32({}), f16({}), int8({}), sign({})])('$name stands in the registry under its name', ({ name, describe }) => {
  expect(codecs.entries.get(name)?.describe).toBe(describe)
})

describe.each([
  ['f16', f16({}), [NaN, Infinity, 65520, -70000]],
  ['int8', int8({}), [NaN, -Infinity]],
  ['sign', sign({}), [NaN, Infinity]]
])('codec %s', (_, codec, values) => {
  it.each(values)('refuses to pack %d', (value) => {
    expect(() => roundTrip(codec, [0, value])).toThrow(expect.objectContaining({ code: 'non-finite' }))
  })
})

it('f16 packs the largest value that it holds', () => {
  expect([...roundTrip(f16({}), [65504, -65504])]).toEqual([65504, -65504])
})

it('f16 and int8 refuse packed bytes that start askew', () => {
  withVector([1, 2], (vector) => {
    for (const codec of [f16({}), int8({})]) {
      const packed = arena.allocateBytes(codec.bytes(2) + 1).subarray(1)
      expect(() => codec.encode(vector, packed, kernels)).toThrow(expect.objectContaining({ code: 'argument' }))
    }
  })
})
