import { Arena, createKernels, type ByteVector, type HalfVector, type Kernels, type Vector } from '@peergrad/core'
import fc from 'fast-check'

export const arena = Arena.create({ bytes: 64 << 20 })
export const simd = createKernels({ memory: arena.memory, path: 'simd' })
export const scalar = createKernels({ path: 'scalar' })
export const paths: [string, Kernels][] = [
  ['simd', simd],
  ['scalar', scalar]
]

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

export function fromBits(bits: number): number {
  word[0] = bits
  return float[0]
}

/** Finite floats of all magnitudes, with many subnormals, zeros of both signs, ties and repeated values. */
export const finite = fc.oneof(
  fc.nat({ max: 0xffffffff }).map((bits) => fromBits((bits & 0x7f800000) === 0x7f800000 ? bits & 0xbfffffff : bits)),
  fc.integer({ min: -0x7fffff, max: 0x7fffff }).map((bits) => Math.sign(bits) * fromBits(Math.abs(bits))),
  fc.integer({ min: -4, max: 4 }),
  fc.constantFrom(0, -0, 1.5, -65_504, 65_520, 2 ** -24, 2 ** -25, 3 * 2 ** -25),
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 })
)

/** 0 to 70 floats mostly, and now and then more than an int8 block or a block of the rules. */
export const values = fc.oneof(
  { weight: 20, arbitrary: fc.array(finite, { maxLength: 70 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.array(finite, { minLength: 1, maxLength: 9 }), fc.integer({ min: 1000, max: 4200 }))
      .map(repeated)
  }
)

/** n vectors of one length. */
export function rows(smallest: number, largest: number, value = finite): fc.Arbitrary<number[][]> {
  return fc.tuple(fc.integer({ min: smallest, max: largest }), fc.nat({ max: 40 })).chain(([n, length]) => {
    const row = fc.array(value, { minLength: length, maxLength: length })
    return fc.array(row, { minLength: n, maxLength: n })
  })
}

function repeated([pattern, length]: [number[], number]): number[] {
  return Array.from({ length }, (_, i) => pattern[(i * 7 + (i >> 5)) % pattern.length])
}

/** Gives vectors of the arena at odd offsets, with a guard on both sides that must not change; frees them all. */
export function withVectors<T>(work: (give: Giver) => T): T {
  const taken: { whole: Uint8Array<SharedArrayBuffer>; start: number; end: number }[] = []
  const bytes = (byteLength: number) => {
    const start = 4 * (1 + (taken.length % 5))
    const whole = arena.allocateBytes(start + byteLength + 16)
    whole.fill(0xa5)
    taken.push({ whole, start, end: start + byteLength })
    return whole.byteOffset + start
  }
  const give: Giver = {
    vector: (content) => {
      const length = typeof content === 'number' ? content : content.length
      const vector = new Float32Array(buffer, bytes(length * 4), length)
      if (typeof content !== 'number') vector.set(content)
      return vector
    },
    half: (length) => new Uint16Array(buffer, bytes(length * 2), length),
    int8: (length) => new Int8Array(buffer, bytes(length), length)
  }
  try {
    const result = work(give)
    for (const { whole, start, end } of taken) {
      if ([...whole.subarray(0, start), ...whole.subarray(end)].some((byte) => byte !== 0xa5)) {
        throw new Error('a kernel wrote outside of its vector')
      }
    }
    return result
  } finally {
    for (const { whole } of taken) arena.free(whole)
  }
}

const probe = arena.allocate(1)
const buffer = probe.buffer

export interface Giver {
  vector(content: number | ArrayLike<number>): Vector
  half(length: number): HalfVector
  int8(length: number): ByteVector
}

/** The bits, with every NaN as one. */
export function bits(view: Vector | HalfVector | ByteVector): number[] {
  if (!(view instanceof Float32Array)) return [...view]
  return [...view].map((value) => {
    float[0] = value
    return Number.isNaN(value) ? 0x7fc00000 : word[0]
  })
}
