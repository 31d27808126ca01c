import { PeergradError } from '../errors.js'

/**
 * Weights as float32 coefficients of sum about 1: w_i / (w_0 + w_1 + …) in float64, rounded.
 * Error `argument` unless the weights are finite, not negative, and their sum is finite and above 0.
 */
export function normalise(weights: readonly number[]): number[] {
  let total = 0
  for (const weight of weights) {
    if (!Number.isFinite(weight) || weight < 0) {
      throw new PeergradError('argument', `weightedMean: got a weight of ${weight}, expected finite numbers from 0`)
    }
    total += weight
  }
  if (!(total > 0 && total < Infinity)) {
    throw new PeergradError('argument', `weightedMean: got weights of sum ${total}, expected a finite sum above 0`)
  }
  return weights.map((weight) => Math.fround(weight / total))
}
