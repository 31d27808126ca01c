import { Arena, createKernels, type Codec } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

export interface CodecProperties {
  /** values up to this magnitude are packed */
  readonly largest: number
  /** what a packed value may be off by at most, given the values of its vector */
  readonly error: (values: readonly number[], index: number) => number
}

/** The laws of a codec, for ours and for yours. `create` makes a fresh one. */
export function codecCompliance(name: string, create: () => Codec, { largest, error }: CodecProperties): void {
  const arena = Arena.create({ bytes: 1 << 20 })
  const kernels = createKernels({ memory: arena.memory })
  const limit = Math.fround(largest)
  const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -limit, max: limit })
  const vectors = fc
    .constantFrom(0, 1, 3, 16, 1023, 1024, 1025, 2100)
    .chain((length) => fc.array(float, { minLength: length, maxLength: length }))

  /** Packs and unpacks in memory that held other bytes before, with guards on both sides of what is written. */
  function roundTrip(codec: Codec, values: readonly number[], before: number) {
    const size = codec.bytes(values.length)
    const input = arena.allocate(values.length)
    input.set(values)
    const room = arena.allocateBytes(size + 128).fill(before)
    const packed = room.subarray(64, 64 + size)
    const output = arena.allocate(values.length).fill(before)
    try {
      codec.encode(input, packed, kernels)
      const bytes = [...packed]
      codec.decode(packed, output, kernels)
      // what was read is as it was, and so is what stands beside what was written
      expect([...input]).toEqual([...Float32Array.from(values)])
      expect([...packed]).toEqual(bytes)
      expect([...room.subarray(0, 64), ...room.subarray(64 + size)]).toEqual(Array(128).fill(before))
      return { bytes, decoded: [...output] }
    } finally {
      arena.free(output)
      arena.free(room)
      arena.free(input)
    }
  }

  describe(`codec ${name}`, () => {
    it('says its name and what it is', () => {
      expect(create().name).toMatch(/^[a-z][a-z0-9-]*$/)
      expect(create().describe.length).toBeGreaterThan(10)
    })

    it('gives back every value within its stated error', () => {
      fc.assert(
        fc.property(vectors, (values) => {
          const { decoded } = roundTrip(create(), values, 0)
          for (const [i, x] of values.entries()) {
            if (!(Math.abs(decoded[i]! - x) <= error(values, i))) expect.fail(`${x} became ${decoded[i]} at ${i}`)
          }
        }),
        { numRuns: 40 }
      )
    })

    it('gives the same bytes and values again, from another instance, whatever was in the memory before', () => {
      fc.assert(
        fc.property(vectors, (values) => {
          const codec = create()
          const first = roundTrip(codec, values, 0)
          expect(roundTrip(codec, values, 0xff)).toEqual(first)
          expect(roundTrip(create(), values, 0xa5)).toEqual(first)
        }),
        { numRuns: 20 }
      )
    })

    it('refuses packed bytes of another size than the floats make', () => {
      const codec = create()
      const vector = arena.allocate(3)
      for (const size of [codec.bytes(3) - 1, codec.bytes(3) + 1]) {
        const packed = arena.allocateBytes(size)
        expect(() => codec.encode(vector, packed, kernels)).toThrow(expect.objectContaining({ code: 'shape' }))
        expect(() => codec.decode(packed, vector, kernels)).toThrow(expect.objectContaining({ code: 'shape' }))
        arena.free(packed)
      }
      arena.free(vector)
    })
  })
}
