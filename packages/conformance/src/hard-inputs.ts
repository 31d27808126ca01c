/** Inputs over which a rule that goes step by step may go on and on: one or two far from the others, by far, all on one line. */
export function worst(n: number, largest: number): number[][][] {
  const rows = (of: (k: number) => number[]) => Array.from({ length: n }, (_, k) => of(k))
  return [
    rows((k) => [k === 0 ? largest : k, 1, -k]),
    rows((k) => [k === 0 ? largest : k === 1 ? -Math.sqrt(largest) : k, 1, -k]),
    rows((k) => [k, 2 * k, 3 * k]),
    rows((k) => [k === 0 ? 1 : 0, 0, 2 ** -149])
  ]
}

/** Mean of some rows, and their root mean square distance from it. */
export function meanAndSpread(rows: readonly number[][]): [number[], number] {
  const mean = rows[0].map((_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length)
  const squares = rows.map((row) => row.reduce((sum, x, i) => sum + (x - mean[i]) ** 2, 0))
  return [mean, Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / rows.length)]
}
