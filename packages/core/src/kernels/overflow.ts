import type { Vector } from '../vector.js'

/** Where float32 sums overflowed, out = (w_0·x_0 + w_1·x_1 + …) / (w_0 + w_1 + …) in float64, rounded. */
export function mendOverflow(out: Vector, inputs: readonly Vector[], weights: readonly number[]): void {
  let total = 0
  for (const weight of weights) total += weight
  for (let i = 0; i < out.length; i++) {
    if (Number.isFinite(out[i])) continue
    let sum = 0
    for (const [k, x] of inputs.entries()) sum += weights[k] * x[i]
    out[i] = sum / total
  }
}
