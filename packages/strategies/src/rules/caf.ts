import type { Aggregator } from '@peergrad/core'
import { declared, minority } from '../declared.js'
import { centredProducts, SPECTRAL_INPUTS, topEigenpair } from '../geometry/spectrum.js'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/**
 * Covariance-bound agnostic filter (Allouah et al., 2025, "Towards trustworthy federated learning with untrusted
 * participants", algorithm 2). While the weights c_i, 1 at first, add up to more than n − 2f: μ and Σ are the weighted mean
 * and covariance, v the top eigenvector of Σ, τ_i = ⟨v, x_i − μ⟩², and c_i ← c_i (1 − τ_i / max τ). The result is the μ whose Σ
 * had the least top eigenvalue.
 *
 * The maximum is over inputs that still have weight, so each iteration takes all of it from one at least and n are enough;
 * over all, one far input would leave the others as they are for ever. n > 2f, n ≤ 64. ⌈n/16⌉ passes over n·d for
 * the distances and one more; O(n³) per iteration.
 */
export function caf(options: PluginOptions): Aggregator {
  checkNames('caf', options, ['f'])
  const f = declared('caf', options)
  return {
    name: 'caf',
    byKernels: true,
    f,
    describe: 'mean reweighted against the top direction of the covariance, its bound unknown (Allouah et al., 2025)',
    check: (n) => minority(n, f, SPECTRAL_INPUTS),
    aggregate({ vectors, out, kernels }) {
      kernels.average([out], vectors, [filtered(kernels.pairDistances(vectors), vectors.length, f)])
    }
  }
}

/** The weights of the least top eigenvalue on the way. */
function filtered(distances: Float64Array, n: number, f: number): number[] {
  let weights = Array<number>(n).fill(1)
  let best = { value: Infinity, weights }
  while (weights.reduce((sum, weight) => sum + weight, 0) > n - 2 * f) {
    const members = [...weights.keys()].filter((i) => weights[i] > 0)
    const kept = members.map((i) => weights[i])
    const { value, scores } = topDirection(centredProducts(distances, n, members, kept), kept)
    if (value < best.value) best = { value, weights }
    const most = Math.max(...scores)
    if (!(most > 0)) break
    const next = Array<number>(n).fill(0)
    for (const [k, i] of members.entries()) next[i] = weights[i] * (1 - scores[k] / most)
    weights = next
  }
  return best.weights
}

/**
 * Top eigenvalue of the weighted covariance, and each ⟨v, x_i − μ⟩² up to one factor: of M_ij = √c_i ⟨x_i − μ, x_j − μ⟩ √c_j
 * the top eigenvector is u, and v is along Σ √c_j u_j (x_j − μ).
 */
function topDirection(products: Float64Array, weights: readonly number[]): { value: number; scores: number[] } {
  const size = weights.length
  const roots = weights.map(Math.sqrt)
  const scaled = products.map((product, at) => roots[Math.floor(at / size)] * product * roots[at % size])
  const { value, vector } = topEigenpair(scaled, size)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const along = (i: number) => roots.reduce((sum, root, j) => sum + products[i * size + j] * root * vector[j], 0)
  return { value: value / total, scores: roots.map((_, i) => along(i) ** 2) }
}
