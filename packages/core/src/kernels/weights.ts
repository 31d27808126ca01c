import { PeergradError } from '../errors.js'

/** The inputs that count for one output of `average`, with their weights and the sum of these, in index order. */
export interface Members {
  readonly indices: readonly number[]
  readonly weights: readonly number[]
  readonly total: number
}

/** Error `argument` unless the weights are finite, not negative, and their sum is finite and above 0. */
export function membersOf(weights: readonly number[]): Members {
  const indices = [...weights.keys()].filter((k) => weights[k] !== 0)
  const kept = indices.map((k) => weights[k])
  const total = kept.reduce((sum, weight) => sum + weight, 0)
  if (kept.every((weight) => weight > 0) && total > 0 && total < Infinity) return { indices, weights: kept, total }
  const message = `average: got the weights ${weights.join(', ')}, expected numbers from 0 with a finite sum above 0`
  throw new PeergradError('argument', message)
}
