import type { Vector } from '../vector.js'
import { normalise } from './coefficients.js'
import type { Kernels } from './kernels.js'
import { scalarHalf } from './scalar-half.js'
import { scalarInt8 } from './scalar-int8.js'
import { scalarStep } from './scalar-step.js'

const BLOCK = 4096

/** Calls `work` on ranges of 4,096 coordinates: the output's range stays in the cache while the inputs pass. */
function blocks(length: number, work: (start: number, end: number) => void): void {
  for (let start = 0; start < length; start += BLOCK) work(start, Math.min(start + BLOCK, length))
}

function sumBlock(out: Vector, inputs: readonly Vector[], start: number, end: number): void {
  const [first, ...others] = inputs
  for (let i = start; i < end; i++) out[i] = first[i]
  for (const x of others) for (let i = start; i < end; i++) out[i] += x[i]
}

/** Float32 bits as integers in the total order of IEEE 754; its own inverse. */
function orderedKey(bits: number): number {
  return bits ^ ((bits >> 31) & 0x7fffffff)
}

/** Puts a value into its place among the first `count`, which are sorted. */
function insert(column: Int32Array, count: number, value: number): void {
  let at = count
  for (; at > 0 && column[at - 1] > value; at--) column[at] = column[at - 1]
  column[at] = value
}

/** Float64 sums by index mod 4 of term(i). */
function fourLanes(length: number, term: (i: number) => number): number {
  const s = new Float64Array(4)
  for (let i = 0; i < length; i++) s[i & 3] += term(i)
  return s[0] + s[1] + (s[2] + s[3])
}

/** The kernels in JavaScript: the oracle of the SIMD path, and its stand-in where there is no WebAssembly SIMD. */
export const scalarKernels: Kernels = {
  path: 'scalar',
  ...scalarHalf,
  ...scalarInt8,
  ...scalarStep,

  mean(out, inputs) {
    blocks(out.length, (start, end) => {
      sumBlock(out, inputs, start, end)
      for (let i = start; i < end; i++) out[i] /= inputs.length
    })
  },
  weightedMean(out, inputs, weights) {
    const coefficients = normalise(weights)
    blocks(out.length, (start, end) => {
      for (const [k, x] of inputs.entries()) {
        const c = coefficients[k]
        if (k === 0) for (let i = start; i < end; i++) out[i] = c * x[i]
        else for (let i = start; i < end; i++) out[i] += Math.fround(c * x[i])
      }
    })
  },
  sum(out, inputs) {
    blocks(out.length, (start, end) => sumBlock(out, inputs, start, end))
  },
  median(out, inputs) {
    const bits = inputs.map((x) => new Int32Array(x.buffer, x.byteOffset, x.length))
    const column = new Int32Array(inputs.length)
    const pair = new Int32Array(2)
    const floats = new Float32Array(pair.buffer)
    const [low, high] = [(inputs.length - 1) >> 1, inputs.length >> 1]
    for (let i = 0; i < out.length; i++) {
      for (let k = 0; k < bits.length; k++) insert(column, k, orderedKey(bits[k][i]))
      pair[0] = orderedKey(column[low])
      pair[1] = orderedKey(column[high])
      out[i] = (floats[0] + floats[1]) * 0.5
    }
  },

  copy(out, x) {
    out.set(x)
  },
  fill(out, value) {
    out.fill(value)
  },
  scale(out, x, a) {
    const factor = Math.fround(a)
    for (let i = 0; i < out.length; i++) out[i] = factor * x[i]
  },
  axpy(y, a, x) {
    const factor = Math.fround(a)
    for (let i = 0; i < y.length; i++) y[i] += Math.fround(factor * x[i])
  },
  above(out, x, a, y) {
    const factor = Math.fround(a)
    for (let i = 0; i < out.length; i++) {
      out[i] = Math.abs(x[i]) > Math.fround(factor * Math.abs(y[i])) ? x[i] : 0
    }
  },

  dot: (x, y) => fourLanes(x.length, (i) => x[i] * y[i]),
  squaredNorm: (x) => fourLanes(x.length, (i) => x[i] * x[i]),
  squaredDistance: (x, y) =>
    fourLanes(x.length, (i) => {
      const difference = x[i] - y[i]
      return difference * difference
    }),
  maxAbs(x) {
    let largest = 0
    for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]))
    return largest
  },
  firstNonFinite: (x) => x.findIndex((value) => !Number.isFinite(value))
}
