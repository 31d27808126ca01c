import type { Vector } from '../vector.js'
import type { RuleKernels } from './kernels.js'
import { membersOf, type Members } from './weights.js'

const BLOCK = 1024

type Name =
  | 'median'
  | 'trimmedMean'
  | 'meamed'
  | 'signMajority'
  | 'average'
  | 'averageAndDistances'
  | 'squaredDistances'
  | 'pairDistances'
  | 'squaredNorms'
  | 'dot'
  | 'squaredNorm'
  | 'squaredDistance'

/** They compute in float64 and round where they store: as vectors of float64 are stored they do not round at all. */
export const scalarRules: Pick<RuleKernels, Name> = {
  median(out, inputs) {
    scalarRules.trimmedMean(out, inputs, (inputs.length - 1) >> 1)
  },
  trimmedMean(out, inputs, trim) {
    columns(out, inputs, (column, n) => mean(column, trim, n - trim))
  },
  meamed(out, inputs, drop) {
    columns(out, inputs, (column, n) => {
      const kept = n - drop
      const middle = (column[(n - 1) >> 1] + column[n >> 1]) * 0.5
      let start = 0
      while (start < drop && middle - column[start] > column[start + kept] - middle) start++
      return mean(column, start, start + kept)
    })
  },
  signMajority(out, inputs) {
    for (let i = 0; i < out.length; i++) {
      let votes = 0
      for (const x of inputs) votes += x[i] > 0 ? 1 : x[i] < 0 ? -1 : 0
      out[i] = votes > 0 ? 1 : votes < 0 ? -1 : 0
    }
  },

  average(outs, inputs, weights) {
    for (const [k, out] of outs.entries()) averageOf(out, inputs, membersOf(weights[k]))
  },
  averageAndDistances(out, inputs, weights) {
    averageOf(out, inputs, membersOf(weights))
    return scalarRules.squaredDistances(out, inputs)
  },
  squaredDistances: (x, inputs) => Float64Array.from(inputs, (y) => scalarRules.squaredDistance(x, y)),
  pairDistances(inputs, { index, of } = { index: 0, of: 1 }) {
    const n = inputs.length
    const distances = new Float64Array(n * n)
    for (let i = 0, pair = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++, pair++) {
        if (pair % of !== index) continue
        distances[i * n + j] = distances[j * n + i] = scalarRules.squaredDistance(inputs[i], inputs[j])
      }
    }
    return distances
  },
  squaredNorms: (inputs) => Float64Array.from(inputs, (x) => scalarRules.squaredNorm(x)),

  dot: (x, y) => fourLanes(x.length, (i) => x[i] * y[i]),
  squaredNorm: (x) => fourLanes(x.length, (i) => x[i] * x[i]),
  squaredDistance: (x, y) =>
    fourLanes(x.length, (i) => {
      const difference = x[i] - y[i]
      return difference * difference
    })
}

function averageOf(out: Vector, inputs: readonly Vector[], { indices, weights, total }: Members): void {
  const sums = new Float64Array(BLOCK)
  for (let start = 0; start < out.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, out.length)
    sums.fill(-0)
    for (const [k, index] of indices.entries()) {
      const x = inputs[index]
      for (let i = start; i < end; i++) sums[i - start] += weights[k] * x[i]
    }
    for (let i = start; i < end; i++) out[i] = sums[i - start] / total
  }
}

/** out ← of(what all inputs have at one coordinate, sorted), for each coordinate */
function columns(out: Vector, inputs: readonly Vector[], of: (column: Float64Array, n: number) => number): void {
  const n = inputs.length
  const column = new Float64Array(n)
  for (let i = 0; i < out.length; i++) {
    for (let k = 0; k < n; k++) insert(column, k, inputs[k][i])
    out[i] = of(column, n)
  }
}

/** Puts a value into its place among the first `count`, which are sorted in the total order of IEEE 754. */
function insert(column: Float64Array, count: number, value: number): void {
  let at = count
  for (; at > 0 && isBelow(value, column[at - 1]); at--) column[at] = column[at - 1]
  column[at] = value
}

function isBelow(a: number, b: number): boolean {
  return a < b || (a === 0 && b === 0 && Object.is(a, -0) && Object.is(b, 0))
}

function mean(column: Float64Array, start: number, end: number): number {
  let sum = -0
  for (let k = start; k < end; k++) sum += column[k]
  return sum / (end - start)
}

/** Float64 sums by index mod 4 of term(i). */
function fourLanes(length: number, term: (i: number) => number): number {
  const s = new Float64Array(4)
  for (let i = 0; i < length; i++) s[i & 3] += term(i)
  return s[0] + s[1] + (s[2] + s[3])
}
