/** A symmetric tridiagonal matrix; `off[i]` stands between the diagonal's i and i + 1. */
interface Tridiagonal {
  readonly diagonal: Float64Array
  readonly off: Float64Array
}

/**
 * The largest eigenvalue of a symmetric matrix of n rows, without its vector: Householder's tridiagonal form, and in that
 * bisection by Sturm's sequence (Golub and Van Loan, Matrix Computations, algorithm 8.3.1 and section 8.4.1). O(n³), some
 * times less than what gives the vector too.
 */
export function topEigenvalue(matrix: Float64Array, n: number): number {
  const form = tridiagonal(Float64Array.from(matrix), n)
  const { diagonal, off } = form
  // no eigenvalue is above Gershgorin's circles, and the largest not below the diagonal
  let low = -Infinity
  let high = -Infinity
  for (let i = 0; i < n; i++) {
    const radius = (i > 0 ? Math.abs(off[i - 1]) : 0) + (i < n - 1 ? Math.abs(off[i]) : 0)
    low = Math.max(low, diagonal[i])
    high = Math.max(high, diagonal[i] + radius)
  }
  while (high - low > 2 ** -52 * Math.max(Math.abs(low), Math.abs(high))) {
    const middle = low + (high - low) / 2
    if (middle <= low || middle >= high) break
    if (reaches(form, middle)) low = middle
    else high = middle
  }
  return high
}

/** Whether some eigenvalue is `x` or above: not all of the pivots of T − x are negative. */
function reaches({ diagonal, off }: Tridiagonal, x: number): boolean {
  let pivot = diagonal[0] - x
  for (let i = 1; i < diagonal.length && pivot < 0; i++) pivot = diagonal[i] - x - (off[i - 1] * off[i - 1]) / pivot
  return pivot >= 0
}

/** Reflects row after row of `a`, which is overwritten. */
function tridiagonal(a: Float64Array, n: number): Tridiagonal {
  const off = new Float64Array(Math.max(0, n - 1))
  const v = new Float64Array(n)
  const w = new Float64Array(n)
  for (let k = 0; k < n - 1; k++) {
    let squares = 0
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i * n + k]
      squares += v[i] * v[i]
    }
    const norm = Math.sqrt(squares)
    if (norm === 0) continue
    off[k] = v[k + 1] > 0 ? -norm : norm
    // of v' = v − off·e: ‖v'‖² is twice this
    const half = squares - off[k] * v[k + 1]
    v[k + 1] -= off[k]
    let along = 0
    for (let i = k + 1; i < n; i++) {
      let product = 0
      for (let j = k + 1; j < n; j++) product += a[i * n + j] * v[j]
      w[i] = product / half
      along += w[i] * v[i]
    }
    const share = along / (2 * half)
    for (let i = k + 1; i < n; i++) w[i] -= share * v[i]
    for (let i = k + 1; i < n; i++) for (let j = k + 1; j < n; j++) a[i * n + j] -= v[i] * w[j] + w[i] * v[j]
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), off }
}
