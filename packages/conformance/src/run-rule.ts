import { createKernels, doneByPlugin, random, type Aggregator, type RuleKernels, type Vector } from '@peergrad/core'
import { assertSame, bits } from './arrays.js'
import { triedBy } from './rule-inputs.js'

const scalar = createKernels()

export interface RunInit {
  /** floats before each vector */
  readonly offset?: number
  readonly samples?: readonly number[]
  readonly kernels?: RuleKernels
  /** memory of a vector; of its own unless given */
  readonly allocate?: (length: number) => Vector
}

/**
 * What a rule makes of rows. Fails when it writes into one. Scratch is NaN when it is handed out, and when it was given back; one that
 * was given back is handed out again.
 */
export function runRule(
  rule: Aggregator,
  rows: readonly (readonly number[])[],
  { offset = 0, samples = rows.map(() => 8), kernels = scalar, allocate = allocated(offset) }: RunInit = {}
): Vector {
  const vectors = rows.map((row) => {
    const vector = allocate(row.length)
    vector.set(row)
    return vector
  })
  const before = vectors.map(bits)
  const out = allocate(rows[0].length).fill(NaN)
  const free: Vector[] = []
  const lent: Vector[] = []
  const scratch = (length: number) => {
    const kept = free.findIndex((vector) => vector.length === length)
    const [vector = allocate(length).fill(NaN)] = kept < 0 ? [] : free.splice(kept, 1)
    lent.push(vector)
    return { vector, release: () => void free.push(vector.fill(NaN)) }
  }
  const trials = triedBy(rule, rows)
  const input = { vectors, samples, out, kernels, random: random(7, 'compliance'), scratch, trials }
  doneByPlugin(`aggregator ${rule.name}`, 'aggregate', () => rule.aggregate(input))
  vectors.forEach((vector, k) => assertSame(bits(vector), before[k], `it wrote into input ${k}`))
  for (const vector of lent) vector.fill(NaN)
  return out
}

function allocated(offset: number): (length: number) => Vector {
  return (length) => new Float32Array(new SharedArrayBuffer(4 * (length + offset))).subarray(offset)
}
