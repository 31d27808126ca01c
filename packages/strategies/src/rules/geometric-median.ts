import type { Aggregator } from '@peergrad/core'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../plugin-options.js'
import { begin, startable, startOption } from './start.js'

/**
 * Smoothed Weiszfeld iteration towards the point of least summed distance (Pillutla et al., "Robust aggregation for
 * federated learning", IEEE TSP 2022, algorithm 2): z ← Σ w_i x_i / Σ w_i, w_i = 1 / max(‖x_i − z‖, ν).
 *
 * It begins at the coordinates' median, which is robust already, and ends after `iterations`, or sooner when the sum of
 * distances falls by no more than its `tolerance`-th part. ByzFL's: `from=zero,nu=0.1,iterations=3,tolerance=0`; from zero an
 * input near zero holds z back for some iterations. Bears fewer than n/2 hostile inputs. n ≤ 64 from the median. Passes over
 * n·d: two, and one for each iteration.
 */
export function geometricMedian(options: PluginOptions): Aggregator {
  const name = 'geometric-median'
  checkNames(name, options, ['nu', 'iterations', 'tolerance', 'from'])
  // the largest float over it, for each of the inputs, has a finite sum, and the least over it is no subnormal
  const nu = numberOption(name, options, 'nu', { fallback: 1e-6, min: 1e-250, max: 1e250 })
  const iterations = integerOption(name, options, 'iterations', { fallback: 20, min: 1, max: 1000 })
  const tolerance = numberOption(name, options, 'tolerance', { fallback: 1e-4, min: 0, below: 1 })
  const start = startOption(name, options)
  return {
    name,
    byKernels: true,
    describe: 'point of least summed distance, by at most `iterations` of Weiszfeld (RFA: Pillutla et al., 2022)',
    check: (n) => startable(n, start),
    aggregate(input) {
      const { vectors, out, kernels } = input
      begin(start, out, input)
      let distances = roots(kernels.squaredDistances(out, vectors))
      for (let left = iterations; left > 0; left--) {
        const weights = Array.from(distances, (distance) => 1 / Math.max(distance, nu))
        if (left === 1) return kernels.average([out], vectors, [weights])
        const next = roots(kernels.averageAndDistances(out, vectors, weights))
        const [before, now] = [total(distances), total(next)]
        if (tolerance > 0 && before - now <= tolerance * before) return
        distances = next
      }
    }
  }
}

function roots(squares: Float64Array): Float64Array {
  return squares.map(Math.sqrt)
}

function total(distances: Float64Array): number {
  return distances.reduce((sum, distance) => sum + distance, 0)
}
