import type { RuleKernels } from './kernels.js'
import { scalarKernels } from './scalar.js'

/**
 * The kernels of rules for vectors of float64: what a rule would give without rounding, to be held against other libraries.
 * Pass Float64Arrays where a `Vector` is asked for.
 */
export const float64Kernels: RuleKernels = {
  ...scalarKernels,
  // of distances that were rounded, as others compute them: what is equally far but for the last bit is equally far
  pairDistances: (inputs, part) => scalarKernels.pairDistances(inputs, part).map((square) => Math.sqrt(square) ** 2),
  weightedMean: (out, inputs, weights) => scalarKernels.average([out], inputs, [weights]),
  scale(out, x, a) {
    for (let i = 0; i < out.length; i++) out[i] = a * x[i]
  },
  axpy(y, a, x) {
    for (let i = 0; i < y.length; i++) y[i] += a * x[i]
  },
  above(out, x, a, y) {
    for (let i = 0; i < out.length; i++) out[i] = Math.abs(x[i]) > a * Math.abs(y[i]) ? x[i] : 0
  }
}
