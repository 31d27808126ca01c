import { PeergradError, type Aggregator, type Random, type Vector } from '@peergrad/core'
import { between, declared, minority } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { centredProducts, SPECTRAL_INPUTS, topEigenpair } from '../geometry/spectrum.js'
import { checkNames, integerOption, type PluginOptions } from '../plugin-options.js'

/** Over all iterations: with 64 inputs some seconds. */
const COORDINATES = 1_000_000

/**
 * Divide and conquer: `iterations` times, on `dimensions` random coordinates, the f inputs that reach farthest along the top
 * direction of the covariance are found out; the mean of those that never were (Shejwalkar and Houmansadr, NDSS 2021,
 * algorithm 2 with filtering constant 1). The coordinates are drawn from the round's seed, in a run from the digests of the
 * inputs too, alike on every peer: who gives last and knows those of the others can try until they suit it. 2f < n ≤ 64,
 * n > iterations·f, and at most a million coordinates in all. One pass over n·d, and iterations·(dimensions·n² + n³) beside it, by
 * one thread.
 */
export function dnc(options: PluginOptions): Aggregator {
  checkNames('dnc', options, ['f', 'iterations', 'dimensions'])
  const f = declared('dnc', options)
  const iterations = integerOption('dnc', options, 'iterations', { fallback: 1, min: 1, max: 100 })
  const dimensions = integerOption('dnc', options, 'dimensions', { fallback: 10_000, min: 1, max: COORDINATES })
  if (iterations * dimensions > COORDINATES) {
    const message = `dnc: got ${iterations} iterations × ${dimensions} dimensions, expected at most ${COORDINATES} coordinates in all`
    throw new PeergradError('argument', message)
  }
  return {
    name: 'dnc',
    f,
    describe: 'mean without the f inputs farthest along the top direction of random coordinates (DnC, NDSS 2021)',
    check: (n) =>
      minority(n, f, SPECTRAL_INPUTS) ??
      between(n, iterations * f + 1, Infinity, `expected more than ${iterations} iterations × f`),
    aggregate({ vectors, out, kernels, random }) {
      const n = vectors.length
      const good = new Set(vectors.keys())
      for (let iteration = 0; iteration < iterations; iteration++) {
        const scores = outlyingness(vectors, drawn(random, out.length, dimensions))
        for (const index of ascending(scores).slice(n - f)) good.delete(index)
      }
      kernels.average([out], vectors, [membership([...good], n)])
    }
  }
}

/** `count` different coordinates, or all of fewer. */
function drawn(random: Random, length: number, count: number): Iterable<number> {
  if (length <= count) return Array.from({ length }, (_, coordinate) => coordinate)
  const coordinates = new Set<number>()
  while (coordinates.size < count) coordinates.add(random.below(length))
  return coordinates
}

/** ⟨v, x_i − μ⟩² on those coordinates, up to one factor: v is the top direction of their covariance. */
function outlyingness(vectors: readonly Vector[], coordinates: Iterable<number>): number[] {
  const n = vectors.length
  const distances = new Float64Array(n * n)
  for (const coordinate of coordinates) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const difference = vectors[i][coordinate] - vectors[j][coordinate]
        distances[i * n + j] += difference * difference
      }
    }
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) distances[j * n + i] = distances[i * n + j]
  const all = vectors.map((_, i) => i)
  const { vector } = topEigenpair(centredProducts(distances, n, all, Array<number>(n).fill(1)), n)
  return Array.from(vector, (each) => each * each)
}
