import { createKernels, type Vector } from '@peergrad/core'

/** What the module's rules do, word for word in JavaScript on small vectors. */
export const kernels = createKernels({ path: 'scalar' })

export function vector(values: Iterable<number> | number): Vector {
  const list = typeof values === 'number' ? new Float32Array(values) : Float32Array.from(values)
  const out = new Float32Array(new SharedArrayBuffer(list.byteLength))
  out.set(list)
  return out
}

export function result(length: number, call: (out: Vector) => void): Float32Array {
  const out = vector(length)
  call(out)
  return Float32Array.from(out)
}

const ordered = (a: number, b: number) => a - b || Number(Object.is(b, -0)) - Number(Object.is(a, -0))

function columns(inputs: readonly Vector[], of: (column: number[]) => number): Float32Array {
  return Float32Array.from(inputs[0], (_, i) => of(inputs.map((x) => x[i])))
}

export function trimmed(inputs: readonly Vector[], f: number): Float32Array {
  return columns(inputs, (column) => {
    const kept = [...column].sort(ordered).slice(f, column.length - f)
    return kept.slice(1).reduce((sum, value) => sum + value, kept[0]) / kept.length
  })
}

export function meamed(inputs: readonly Vector[], f: number): Float32Array {
  return columns(inputs, (column) => {
    const sorted = [...column].sort(ordered)
    const kept = sorted.length - f
    const middle = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
    let first = 0
    while (first < f && middle - sorted[first] > sorted[first + kept] - middle) first++
    return sorted.slice(first, first + kept).reduce((sum, value) => sum + value, -0) / kept
  })
}

export function krum(inputs: readonly Vector[], f: number, m: number): Float32Array {
  const scores = inputs.map((x, i) => {
    const distances = inputs.filter((_, j) => j !== i).map((y) => kernels.squaredDistance(x, y))
    return distances
      .sort((a, b) => a - b)
      .slice(0, inputs.length - f - 2)
      .reduce((sum, value) => sum + value, 0)
  })
  const chosen = scores
    .map((score, index) => ({ score, index }))
    .sort((a, b) => a.score - b.score || a.index - b.index)
    .slice(0, m)
    .sort((a, b) => a.index - b.index)
  return Float32Array.from(inputs[0], (_, i) => chosen.reduce((sum, { index }) => sum + inputs[index][i], -0) / m)
}

export function clip(
  inputs: readonly Vector[],
  { tau, iterations, median }: { tau: number; iterations: number; median: number }
): Float32Array {
  const start = vector(inputs[0].length)
  if (median === 1) kernels.median(start, inputs)
  const rows = [...inputs, start]
  let weights = rows.map((_, k) => Number(k === inputs.length))
  let v = start
  for (let step = 0; step < iterations; step++) {
    const shares = inputs.map((x) => Math.min(1, tau / Math.sqrt(kernels.squaredDistance(x, v))) / inputs.length)
    const stays = 1 - shares.reduce((sum, share) => sum + share, 0)
    weights = weights.map((weight, k) => Math.max(0, weight * stays) + (shares[k] ?? 0))
    v = vector(columns(rows, (column) => weightedAverage(column, weights)))
  }
  return Float32Array.from(v)
}

/** As kernels.average. */
function weightedAverage(values: readonly number[], weights: readonly number[]): number {
  const [sum, total] = values.reduce(
    ([sum, total], value, k) => (weights[k] === 0 ? [sum, total] : [sum + weights[k] * value, total + weights[k]]),
    [-0, 0]
  )
  return sum / total
}
