/** ByzFL's rules and pre-aggregators, in plain float64: what the line searches of the fixtures were run against. */
type Rows = readonly Float64Array[]

interface Parameters {
  readonly f: number
  /** largest norm of `Clipping` */
  readonly c: number
}

const RULES: Record<string, (rows: Rows, parameters: Parameters) => Float64Array> = {
  Average: average,
  Median: (rows) =>
    perCoordinate(rows, (sorted) => (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2),
  TrMean: (rows, { f }) => perCoordinate(rows, (sorted) => mean(sorted.subarray(f, sorted.length - f))),
  Krum: (rows, { f }) => rows[lowest(krumScores(rows, f), 1)[0]!]!,
  MultiKrum: (rows, { f }) => average(lowest(krumScores(rows, f), rows.length - f).map((i) => rows[i]!)),
  GeometricMedian: geometricMedian
}

const PREPARATIONS: Record<string, (rows: Rows, parameters: Parameters) => Rows> = {
  NNM: (rows, { f }) =>
    rows.map((row) => {
      const distances = rows.map((other) => distance(row, other))
      return average(lowest(distances, rows.length - f).map((i) => rows[i]!))
    }),
  Clipping: (rows, { c }) =>
    rows.map((row) => row.map((value) => value * Math.min(1, c / distance(row, new Float64Array(row.length)))))
}

export function byzflDefence(rule: string, before: readonly string[], parameters: Parameters) {
  return (rows: Rows): Float64Array =>
    RULES[rule]!(
      before.reduce((prepared, name) => PREPARATIONS[name]!(prepared, parameters), rows),
      parameters
    )
}

/** Mean squared distance to the n − f − 1 nearest others. */
function krumScores(rows: Rows, f: number): number[] {
  return rows.map((row) => {
    const squares = Float64Array.from(rows, (other) => distance(row, other) ** 2).sort()
    return mean(squares.subarray(1, rows.length - f))
  })
}

/** Three steps of the smoothed Weiszfeld algorithm from zero, with ν = 0.1. */
function geometricMedian(rows: Rows): Float64Array {
  let z = new Float64Array(rows[0]!.length)
  for (let step = 0; step < 3; step++) {
    const weights = rows.map((row) => 1 / rows.length / Math.max(distance(row, z), 0.1))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    z = z.map((_, i) => rows.reduce((total, row, at) => total + row[i]! * weights[at]!, 0) / sum)
  }
  return z
}

function average(rows: Rows): Float64Array {
  return Float64Array.from(rows[0]!, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
}

function perCoordinate(rows: Rows, of: (sorted: Float64Array) => number): Float64Array {
  return Float64Array.from(rows[0]!, (_, i) => of(Float64Array.from(rows, (row) => row[i]!).sort()))
}

function lowest(values: readonly number[], count: number): number[] {
  return [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b).slice(0, count)
}

function distance(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0))
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
