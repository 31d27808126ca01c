import type { Vector } from '../vector.js'
import { normalise } from './coefficients.js'
import type { Kernels } from './kernels.js'
import { mendOverflow } from './overflow.js'
import { scalarHalf } from './scalar-half.js'
import { scalarRules } from './scalar-rules.js'
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

/** The kernels in JavaScript: the oracle of the SIMD path, and its stand-in where there is no WebAssembly SIMD. */
export const scalarKernels: Kernels = {
  path: 'scalar',
  ...scalarRules,
  ...scalarHalf,
  ...scalarInt8,
  ...scalarStep,

  mean(out, inputs) {
    blocks(out.length, (start, end) => {
      sumBlock(out, inputs, start, end)
      for (let i = start; i < end; i++) out[i] /= inputs.length
    })
    mendOverflow(
      out,
      inputs,
      inputs.map(() => 1)
    )
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
    mendOverflow(out, inputs, coefficients)
  },
  sum(out, inputs) {
    blocks(out.length, (start, end) => sumBlock(out, inputs, start, end))
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

  maxAbs(x) {
    let largest = 0
    for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]))
    return largest
  },
  firstNonFinite: (x) => x.findIndex((value) => !Number.isFinite(value))
}
