import assert from 'node:assert/strict'
import { Arena, createKernels, doneByPlugin, PeergradError, random, type Codec } from '@peergrad/core'
import fc from 'fast-check'
import { assertNamed, assertSame, bits, opposite } from './arrays.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'

export interface CodecProperties {
  /** values up to this magnitude are packed */
  readonly largest?: number
  /** what a packed value may be off by at most, given the values of its vector; nothing unless given */
  readonly error?: (values: readonly number[], index: number) => number
}

/** A vector of 2,000 floats that fails is as good as a shorter one, and found sooner. */
const WHOLE = { endOnFailure: true }

/** The laws of a codec. Rejects with a report of those that do not hold. */
export async function checkCodec(
  subject: Subject<'codec'>,
  { options, stuckAfter, ...properties }: CodecProperties & CheckOptions = {}
): Promise<Report> {
  const { who, create, watch } = await examine('codec', subject, { options, stuckAfter })
  return judge(who, [members(create), ...codecLaws(create, properties)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh codec. */
export function codecLaws(create: () => Codec, { largest = 1e4, error = () => 0 }: CodecProperties = {}): Law[] {
  const arena = Arena.create({ bytes: 1 << 20 })
  const kernels = createKernels({ memory: arena.memory })
  const limit = Math.fround(largest)
  const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -limit, max: limit })
  const vectors = fc
    .constantFrom(0, 1, 3, 16, 1023, 1024, 1025, 2100)
    .chain((length) => fc.array(float, { minLength: length, maxLength: length }))

  const encode = (codec: Codec, ...given: Parameters<Codec['encode']>) =>
    doneByPlugin(`codec ${codec.name}`, 'encode', () => codec.encode(...given))
  const decode = (codec: Codec, ...given: Parameters<Codec['decode']>) =>
    doneByPlugin(`codec ${codec.name}`, 'decode', () => codec.decode(...given))

  /** Packs and unpacks in memory that held other bytes before, with guards on both sides of what is written. */
  function roundTrip(codec: Codec, values: readonly number[], before: number) {
    const size = codec.bytes(values.length)
    const input = arena.allocate(values.length)
    input.set(values)
    const room = arena.allocateBytes(size + 128).fill(before)
    const packed = room.subarray(64, 64 + size)
    const output = arena.allocate(values.length).fill(before)
    try {
      encode(codec, input, packed, kernels)
      const bytes = [...packed]
      decode(codec, packed, output, kernels)
      assertSame(input, Float32Array.from(values), 'the vector that it packed')
      assertSame(packed, bytes, 'the bytes that it unpacked')
      assertSame([...room.subarray(0, 64), ...room.subarray(64 + size)], Array(128).fill(before), 'what stands beside')
      return { bytes, decoded: [...output] }
    } finally {
      arena.free(output)
      arena.free(room)
      arena.free(input)
    }
  }

  /** Words that it makes of bytes, none when it throws, with guards on both sides of where they go. */
  function unpacked(codec: Codec, bytes: Uint8Array, length: number): number[] {
    const held = arena.allocateBytes(bytes.length + 64)
    const packed = held.subarray(0, bytes.length)
    packed.set(bytes)
    const room = arena.allocate(length + 32)
    const output = room
      .fill(1)
      .subarray(16, 16 + length)
      .fill(0)
    try {
      const thrown = thrownBy(() => decode(codec, packed, output, kernels))
      assertSame(packed, bytes, 'the bytes that it unpacked')
      assertSame([...room.subarray(0, 16), ...room.subarray(16 + length)], Array(32).fill(1), 'what stands beside')
      return thrown ? [] : bits(output)
    } finally {
      arena.free(room)
      arena.free(held)
    }
  }

  return [
    { name: 'says its name and what it is', prove: () => assertNamed(create()) },
    {
      name: 'says beforehand how many bytes it makes',
      first: true,
      prove() {
        for (const length of [0, 1, 3, 1024, 1_000_001]) {
          const bytes = create().bytes(length)
          assert.ok(Number.isSafeInteger(bytes) && bytes >= 0, `bytes(${length}) gave ${String(bytes)}`)
        }
      }
    },
    {
      name: 'gives back every value within its stated error',
      prove: () =>
        fc.assert(
          fc.property(vectors, (values) => {
            const { decoded } = roundTrip(create(), values, 0)
            for (const [i, x] of values.entries()) {
              if (!(Math.abs(decoded[i] - x) <= error(values, i))) assert.fail(`${x} became ${decoded[i]} at ${i}`)
            }
          }),
          { numRuns: 40, ...WHOLE }
        )
    },
    {
      name: 'gives the same bytes and values again, from another instance, whatever was in the memory before',
      prove: () =>
        fc.assert(
          fc.property(vectors, vectors, (values, others) => {
            const codec = create()
            const first = roundTrip(codec, values, 0)
            for (const more of [opposite([values])[0], others]) roundTrip(codec, more, 0)
            for (const again of [roundTrip(codec, values, 0xff), roundTrip(create(), values, 0xa5)]) {
              assertSame(again.bytes, first.bytes, 'packed bytes')
              assertSame(again.decoded, first.decoded, 'values')
            }
          }),
          { numRuns: 20, ...WHOLE }
        )
    },
    {
      name: 'unpacks any bytes of the right size, or throws, and does no more and no other than the next time',
      prove: () =>
        fc.assert(
          fc.property(fc.constantFrom(0, 1, 3, 16, 1023, 1025), fc.integer(), (length, seed) => {
            const codec = create()
            const some = random(seed, 'bytes')
            const bytes = Uint8Array.from({ length: codec.bytes(length) }, () => some.below(256))
            const first = unpacked(codec, bytes, length)
            assertSame(unpacked(create(), bytes, length), first, 'the second time')
          }),
          { numRuns: 60, ...WHOLE }
        )
    },
    {
      name: 'refuses packed bytes of another size than the floats make',
      prove() {
        const codec = create()
        const vector = arena.allocate(3)
        for (const size of [codec.bytes(3) - 1, codec.bytes(3) + 1]) {
          const packed = arena.allocateBytes(size)
          const refused = (thrown: unknown) => thrown instanceof PeergradError && thrown.code === 'shape'
          assert.throws(
            () => encode(codec, vector, packed, kernels),
            refused,
            `encode into ${size} bytes: expected shape`
          )
          assert.throws(
            () => decode(codec, packed, vector, kernels),
            refused,
            `decode of ${size} bytes: expected shape`
          )
          arena.free(packed)
        }
        arena.free(vector)
      }
    }
  ]
}

function thrownBy(work: () => void): boolean {
  try {
    work()
    return false
  } catch {
    return true
  }
}
