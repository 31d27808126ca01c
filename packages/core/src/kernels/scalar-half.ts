import type { Vector } from '../vector.js'
import type { Kernels } from './kernels.js'

const SIGN = 0x80000000 | 0
const INFINITY = 0x7f800000
const TWO_112 = 2 ** 112

/** The bits of a vector. */
function bitsOf(x: Vector): Int32Array<SharedArrayBuffer> {
  return new Int32Array(x.buffer, x.byteOffset, x.length)
}

const float = new Float32Array(1)
const word = new Int32Array(float.buffer)

function encode(bits: number): number {
  const sign = (bits & SIGN) >>> 16
  const magnitude = bits & 0x7fffffff
  if (magnitude > INFINITY) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00 // 2¹⁶
  if (magnitude < 0x38800000) {
    // below 2⁻¹⁴ the adder rounds: one unit in the last place of 0.5 is half's smallest subnormal
    word[0] = magnitude
    float[0] += 0.5
    return sign | (word[0] - 0x3f000000)
  }
  const odd = (magnitude >> 13) & 1
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13)
}

function decode(half: number): number {
  const infinite = (half & 0x7c00) === 0x7c00 ? INFINITY : 0
  word[0] = (half & 0x7fff) << 13
  float[0] *= TWO_112
  return word[0] | infinite | ((half & 0x8000) << 16)
}

export const scalarHalf: Pick<Kernels, 'encodeF16' | 'decodeF16' | 'addF16' | 'encodeBF16' | 'decodeBF16'> = {
  encodeF16(out, x) {
    const bits = bitsOf(x)
    for (let i = 0; i < out.length; i++) out[i] = encode(bits[i])
  },
  decodeF16(out, x) {
    const bits = bitsOf(out)
    for (let i = 0; i < out.length; i++) bits[i] = decode(x[i])
  },
  addF16(y, x) {
    for (let i = 0; i < y.length; i++) {
      word[0] = decode(x[i])
      y[i] += float[0]
    }
  },
  encodeBF16(out, x) {
    const bits = bitsOf(x)
    for (let i = 0; i < out.length; i++) {
      const value = bits[i]
      const nan = (value & 0x7fffffff) > INFINITY
      out[i] = nan ? (value >>> 16) | 0x40 : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
    }
  },
  decodeBF16(out, x) {
    const bits = bitsOf(out)
    for (let i = 0; i < out.length; i++) bits[i] = x[i] << 16
  }
}
