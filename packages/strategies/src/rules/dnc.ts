import { PeergradError, type AggregationInput, type Aggregator, type Random } from '@peergrad/core'
import { between, declared, minority } from '../declared.js'
import { ascending, membership } from '../geometry/nearest.js'
import { centredProducts, SPECTRAL_INPUTS, topEigenpair } from '../geometry/spectrum.js'
import { checkNames, integerOption, type PluginOptions } from '../plugin-options.js'

/** Over all iterations: with 64 inputs a second or two. */
const COORDINATES = 1_000_000
/** So many are looked at at once. */
const BLOCK = 16_384

/**
 * Divide and conquer: `iterations` times, on `dimensions` random coordinates, the f inputs that reach farthest along the top
 * direction of the covariance are found out; the mean of those that never were (Shejwalkar and Houmansadr, NDSS 2021,
 * algorithm 2 with filtering constant 1). The coordinates are drawn from the round's seed, in a run from the digests of the
 * inputs too, alike on every peer: who gives last and knows those of the others can try until they suit it. 2f < n ≤ 64,
 * n > iterations·f, and at most a million coordinates in all. One pass over n·d, and iterations·(dimensions·n² + n³) beside it.
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
    aggregate(input) {
      const { vectors, out, kernels, random } = input
      const n = vectors.length
      const good = new Set(vectors.keys())
      for (let iteration = 0; iteration < iterations; iteration++) {
        const distances =
          out.length <= dimensions
            ? kernels.pairDistances(vectors)
            : distancesOn(drawn(random, out.length, dimensions), input)
        for (const index of ascending(outlyingness(distances, n)).slice(n - f)) good.delete(index)
      }
      kernels.average([out], vectors, [membership([...good], n)])
    }
  }
}

/** `count` of so many coordinates, ascending. */
function drawn(random: Random, length: number, count: number): Uint32Array {
  // of more than a half, those that are left out are drawn: the last ones would be waited for
  const few = Math.min(count, length - count)
  const picked = new Set<number>()
  while (picked.size < few) picked.add(random.below(length))
  if (few === count) return Uint32Array.from(picked).sort()
  return Uint32Array.from({ length }, (_, coordinate) => coordinate).filter((coordinate) => !picked.has(coordinate))
}

/** Squared distances of each input to each on these coordinates alone. */
function distancesOn(coordinates: Uint32Array, { vectors, kernels, scratch }: AggregationInput): Float64Array {
  const distances = new Float64Array(vectors.length ** 2)
  for (let start = 0; start < coordinates.length; start += BLOCK) {
    const block = coordinates.subarray(start, start + BLOCK)
    const lent = vectors.map(() => scratch(block.length))
    for (const [k, { vector }] of lent.entries()) {
      const x = vectors[k]
      for (let c = 0; c < block.length; c++) vector[c] = x[block[c]]
    }
    const some = kernels.pairDistances(lent.map(({ vector }) => vector))
    for (const [pair, distance] of some.entries()) distances[pair] += distance
    for (const { release } of lent) release()
  }
  return distances
}

/** ⟨v, x_i − μ⟩², up to one factor: v is the top direction of their covariance. */
function outlyingness(distances: Float64Array, n: number): number[] {
  const all = Array.from({ length: n }, (_, i) => i)
  const { vector } = topEigenpair(centredProducts(distances, n, all, Array<number>(n).fill(1)), n)
  return Array.from(vector, (each) => each * each)
}
