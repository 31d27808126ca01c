import type { Aggregator } from '@peergrad/core'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../plugin-options.js'
import { begin, startable, startOption } from './start.js'

/**
 * v ← v + mean((x_i − v)·min(1, τ / ‖x_i − v‖)), `iterations` times (Karimireddy et al., ICML 2021, algorithm 2).
 *
 * The published rule goes on from the last round's result. A rule here keeps nothing from round to round, so that a peer that
 * joins or resumes needs nothing else to give the same bits: it begins at the median of each coordinate, or with `from=zero`
 * at zero as the published one does in its first round, and then steps of τ bound how far it comes. One hostile input moves
 * the result by τ/n at most in each iteration. Buffers, which are not near zero, are merged by their median, so n ≤ 64 with
 * either beginning. Passes over n·d: two, and one for each iteration.
 */
export function centeredClipping(options: PluginOptions): Aggregator {
  const name = 'centered-clipping'
  checkNames(name, options, ['tau', 'iterations', 'from'])
  const tau = numberOption(name, options, 'tau', { fallback: 10, above: 0 })
  const iterations = integerOption(name, options, 'iterations', { fallback: 1, min: 1, max: 1000 })
  const start = startOption(name, options)
  return {
    name,
    byKernels: true,
    inStore: { name, parameters: () => ({ tau, iterations, median: start === 'median' ? 1 : 0 }) },
    buffers: 'median',
    describe:
      'from the median, `iterations` means of what each input adds, clipped to norm tau (Karimireddy et al., 2021)',
    check: (n) => startable(n, 'median'),
    aggregate(input) {
      const { vectors, out, kernels, scratch } = input
      const { vector: first, release } = scratch(out.length)
      begin(start, first, input)
      // v = Σ c_i x_i + c v_0, the coefficients adding up to 1
      const rows = [...vectors, first]
      let coefficients: number[] = rows.map((_, k) => (k < vectors.length ? 0 : 1))
      let distances = kernels.squaredDistances(first, vectors)
      for (let left = iterations; left > 0; left--) {
        coefficients = stepped(coefficients, distances, tau)
        if (left > 1) distances = kernels.averageAndDistances(out, rows, coefficients)
        else kernels.average([out], rows, [coefficients])
      }
      release()
    }
  }
}

/** The coefficients after one iteration; `squares` begins with the squared distances of the inputs from v. */
function stepped(coefficients: readonly number[], squares: Float64Array, tau: number): number[] {
  const n = coefficients.length - 1
  const shares = Array.from({ length: n }, (_, i) => Math.min(1, tau / Math.sqrt(squares[i])) / n)
  const moved = shares.reduce((sum, share) => sum + share, 0)
  return coefficients.map((c, i) => Math.max(0, c * (1 - moved)) + (i < n ? shares[i] : 0))
}
