/** Loss after so many rounds, from 1. */
export type LossCurve = (round: number) => number

/** Floors of the loss that are tried, as shares of the least one seen, and exponents. */
const FLOORS = Array.from({ length: 20 }, (_, i) => i / 20)
const EXPONENTS = Array.from({ length: 16 }, (_, i) => 0.25 * (i + 1))

/**
 * L(t) = 1/(θ₀·t^θ₁ + θ₂) + θ₃ with θ ≥ 0 (MLLess, Middleware 2021, eq. 5). For given θ₁ and θ₃ it is a line in t^θ₁:
 * least squares that keep both coefficients from being negative; of all that are tried the one with the least error.
 * Undefined when there is nothing to fit.
 */
export function fitLoss(losses: readonly number[]): LossCurve | undefined {
  return best(
    EXPONENTS.flatMap((exponent) => FLOORS.map((share) => fit(losses, share, (t) => [t ** exponent]))),
    losses
  )
}

/** ℓ(t) = 1/(θ₀·t² + θ₁·t + θ₂) + θ₃ with θ ≥ 0, for the rounds since the last peer went. */
export function fitLossSinceRemoval(losses: readonly number[]): LossCurve | undefined {
  return best(
    FLOORS.map((share) => fit(losses, share, (t) => [t ** 2, t])),
    losses
  )
}

function best(curves: readonly (LossCurve | undefined)[], losses: readonly number[]): LossCurve | undefined {
  const error = (curve: LossCurve) => losses.reduce((sum, loss, i) => sum + (curve(i + 1) - loss) ** 2, 0)
  const usable = curves.filter((curve) => curve !== undefined)
  return usable.reduce<LossCurve | undefined>(
    (least, curve) => (least === undefined || error(curve) < error(least) ? curve : least),
    undefined
  )
}

function fit(losses: readonly number[], share: number, terms: (t: number) => number[]): LossCurve | undefined {
  const floor = share * Math.min(...losses)
  const rows = losses.map((_, i) => [...terms(i + 1), 1])
  const coefficients = nonNegativeLeastSquares(
    rows,
    losses.map((loss) => 1 / (loss - floor))
  )
  if (coefficients === undefined) return undefined
  return (t) => 1 / [...terms(t), 1].reduce((sum, term, i) => sum + term * coefficients[i], 0) + floor
}

/** By trying which coefficients are zero: there are three at most. Undefined when no choice of them has a solution. */
function nonNegativeLeastSquares(rows: readonly number[][], values: readonly number[]): number[] | undefined {
  const count = rows[0]?.length ?? 0
  let least: { coefficients: number[]; error: number } | undefined
  for (let subset = 1; subset < 1 << count; subset++) {
    const used = Array.from({ length: count }, (_, i) => i).filter((i) => (subset >> i) & 1)
    const solved = solve(
      used.map((i) => used.map((j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0))),
      used.map((i) => rows.reduce((sum, row, k) => sum + row[i] * values[k], 0))
    )
    if (solved === undefined || solved.some((value) => value < 0)) continue
    const coefficients = Array.from({ length: count }, (_, i) => (used.includes(i) ? solved[used.indexOf(i)] : 0))
    const error = rows.reduce(
      (sum, row, k) => sum + (row.reduce((dot, term, i) => dot + term * coefficients[i], 0) - values[k]) ** 2,
      0
    )
    if (Number.isFinite(error) && (least === undefined || error < least.error)) least = { coefficients, error }
  }
  return least?.coefficients
}

/** Gauss–Jordan elimination with pivots. Undefined for a singular matrix. */
function solve(matrix: readonly number[][], values: readonly number[]): number[] | undefined {
  const rows = matrix.map((row, i) => [...row, values[i]])
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows
      .slice(column)
      .reduce((most, row, i) => (Math.abs(row[column]) > Math.abs(rows[most][column]) ? i + column : most), column)
    if (!(Math.abs(rows[pivot][column]) > 1e-12)) return undefined
    ;[rows[column], rows[pivot]] = [rows[pivot], rows[column]]
    for (const row of rows) {
      if (row === rows[column]) continue
      const factor = row[column] / rows[column][column]
      for (let i = column; i < row.length; i++) row[i] -= factor * rows[column][i]
    }
  }
  return rows.map((row, i) => row[rows.length] / row[i])
}
