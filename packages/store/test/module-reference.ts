import { createKernels, type Vector } from '@peergrad/core'

/** What the module's rules do, word for word in JavaScript on small vectors. */
export const kernels = createKernels({ path: 'scalar' })
const { fround } = Math

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

export function clip(inputs: readonly Vector[], tau: number, iterations: number): Float32Array {
  const v = vector(inputs[0].length)
  for (let step = 0; step < iterations; step++) {
    const scales = inputs.map((x) => {
      const norm = Math.sqrt(kernels.squaredDistance(x, v))
      return fround(norm > tau ? tau / norm : 1)
    })
    for (let i = 0; i < v.length; i++) {
      let sum = 0
      for (const [k, x] of inputs.entries()) {
        const term = fround(fround(x[i] - v[i]) * scales[k])
        sum = k === 0 ? term : fround(sum + term)
      }
      v[i] = fround(v[i] + fround(sum / inputs.length))
    }
  }
  return Float32Array.from(v)
}
