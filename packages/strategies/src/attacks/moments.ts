import type { Floats, Line } from '@peergrad/core'

/** μ of the rows, in float64 */
export function meanOf(rows: readonly Floats[]): Float64Array {
  const mean = new Float64Array(rows[0]?.length ?? 0)
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i] += row[i]
  for (let i = 0; i < mean.length; i++) mean[i] /= rows.length
  return mean
}

/** σ of the rows in each coordinate, with ddof = 1; zeros for one row */
export function deviationOf(rows: readonly Floats[], mean: Float64Array): Float64Array {
  const deviation = new Float64Array(mean.length)
  if (rows.length < 2) return deviation
  for (const row of rows) for (let i = 0; i < mean.length; i++) deviation[i] += (row[i] - mean[i]) ** 2
  for (let i = 0; i < mean.length; i++) deviation[i] = Math.sqrt(deviation[i] / (rows.length - 1))
  return deviation
}

/** out ← base + factor·direction */
export function along({ base, direction }: Line, factor: number, out: Floats): void {
  for (let i = 0; i < out.length; i++) out[i] = (base === undefined ? 0 : base[i]) + factor * direction[i]
}
