/** Most rows of a rule that asks for eigenvectors, which take n³ operations each. */
export const SPECTRAL_INPUTS = 64

/** Sweeps after which a symmetric matrix of 64 rows has long become diagonal: six to ten is what it takes. */
const SWEEPS = 30

/**
 * Largest eigenvalue of a symmetric matrix of n rows, and its eigenvector of length 1, by cyclic Jacobi rotations (Golub and
 * Van Loan, Matrix Computations, 8.5). Additions, products, divisions and square roots alone: the same bits everywhere.
 */
export function topEigenpair(matrix: Float64Array, n: number): { value: number; vector: Float64Array } {
  const a = Float64Array.from(matrix)
  const v = new Float64Array(n * n)
  for (let i = 0; i < n; i++) v[i * n + i] = 1
  for (let sweep = 0; sweep < SWEEPS; sweep++) if (!rotateAll(a, v, n)) break
  let top = 0
  for (let i = 1; i < n; i++) if (a[i * n + i] > a[top * n + top]) top = i
  return { value: a[top * n + top], vector: Float64Array.from({ length: n }, (_, i) => v[i * n + top]) }
}

/** One sweep; false when nothing was left to rotate. */
function rotateAll(a: Float64Array, v: Float64Array, n: number): boolean {
  let rotated = false
  for (let p = 0; p < n; p++) {
    for (let q = p + 1; q < n; q++) {
      const off = a[p * n + q]
      const [low, high] = [a[p * n + p], a[q * n + q]]
      // what is lost in both beside it changes neither
      if (Math.abs(low) + Math.abs(off) === Math.abs(low) && Math.abs(high) + Math.abs(off) === Math.abs(high)) continue
      rotated = true
      const theta = (high - low) / (2 * off)
      const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
      const c = 1 / Math.sqrt(t * t + 1)
      rotate(a, v, n, [p, q], [c, t * c])
    }
  }
  return rotated
}

function rotate(a: Float64Array, v: Float64Array, n: number, [p, q]: [number, number], [c, s]: [number, number]): void {
  for (let k = 0; k < n; k++) {
    const [x, y] = [a[k * n + p], a[k * n + q]]
    a[k * n + p] = c * x - s * y
    a[k * n + q] = s * x + c * y
  }
  for (let k = 0; k < n; k++) {
    const [x, y] = [a[p * n + k], a[q * n + k]]
    a[p * n + k] = c * x - s * y
    a[q * n + k] = s * x + c * y
  }
  a[p * n + q] = a[q * n + p] = 0
  for (let k = 0; k < n; k++) {
    const [x, y] = [v[k * n + p], v[k * n + q]]
    v[k * n + p] = c * x - s * y
    v[k * n + q] = s * x + c * y
  }
}

/**
 * Inner products ⟨x_i − μ, x_j − μ⟩ of some of n rows, μ their weighted mean, from the squared distances of all:
 * ½ (a_i + a_j − b − d_ij) with a_i = Σ p_k d_ik and b = Σ p_i a_i (Torgerson, Psychometrika 1952). Where a row is far
 * from all others it has no part in what is computed of these as long as it is not a member.
 */
export function centredProducts(
  distances: Float64Array,
  n: number,
  members: readonly number[],
  weights: readonly number[]
): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const size = members.length
  const between = (i: number, j: number) => distances[members[i] * n + members[j]]
  const sums = Float64Array.from(members, (_, i) => {
    let sum = 0
    for (let j = 0; j < size; j++) sum += (weights[j] / total) * between(i, j)
    return sum
  })
  const spread = sums.reduce((sum, each, i) => sum + (weights[i] / total) * each, 0)
  const products = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) products[i * size + j] = 0.5 * (sums[i] + sums[j] - spread - between(i, j))
  }
  return products
}
