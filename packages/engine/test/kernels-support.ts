import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { registerTrainingKernels } from '../src/kernels/index.js'

/** Relative to the largest value: what sums of float32 in another order may differ by. */
export const TOLERANCE = 1e-4

export async function prepare(): Promise<void> {
  await tf.setBackend('wasm')
  await tf.ready()
  await registerTrainingKernels()
}

export type Work = (tensors: tf.Tensor[]) => tf.Tensor[]

export interface Values {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Runs the same work on one back end, from the same values, and leaves no tensor behind. */
export function runOn(backend: 'cpu' | 'wasm', inputs: readonly Values[], work: Work): Float32Array[] {
  tf.setBackend(backend)
  const before = tf.memory().numTensors
  const results = tf.tidy(() => {
    const tensors = inputs.map(({ shape, values }) => tf.tensor(values, [...shape]))
    return work(tensors).map((tensor) => Float32Array.from(tensor.dataSync()))
  })
  const left = tf.memory().numTensors - before
  if (left !== 0) throw new Error(`${left} tensors were left behind on ${backend}`)
  return results
}

/** Largest difference as a share of the largest value of both, or of `floor` where that is larger. */
export function difference(a: Float32Array, b: Float32Array, floor = 1e-30): number {
  if (a.length !== b.length) return Infinity
  let apart = 0
  let largest = floor
  a.forEach((value, i) => {
    apart = Math.max(apart, Math.abs(value - b[i]))
    largest = Math.max(largest, Math.abs(value), Math.abs(b[i]))
    if (Number.isNaN(value) !== Number.isNaN(b[i])) apart = Infinity
  })
  return apart / largest
}

/** Largest difference between both back ends over all results. */
export function wasmAgainstCpu(inputs: readonly Values[], work: Work, floor?: number): number {
  const expected = runOn('cpu', inputs, work)
  const got = runOn('wasm', inputs, work)
  return Math.max(...expected.map((values, i) => difference(values, got[i], floor)))
}

/** Values in −1 … 1. */
export function values(shape: readonly number[], seed: number): Values {
  let state = seed >>> 0
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 2 ** 23 - 1
  })
  return { shape, values: data }
}

export const seed = fc.integer({ min: 1, max: 2 ** 31 })

export type Pad = 'same' | 'valid' | tf.backend_util.ExplicitPadding

export interface Window {
  batch: number
  height: number
  width: number
  filterHeight: number
  filterWidth: number
  strides: [number, number]
  dilations: [number, number]
  pad: Pad
}

const side = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })
const padding: fc.Arbitrary<Pad> = fc.oneof(
  fc.constantFrom<Pad>('same', 'valid'),
  fc.tuple(side(3), side(3), side(3), side(3)).map(([a, b, c, d]): Pad => [
    [0, 0],
    [a - 1, b - 1],
    [c - 1, d - 1],
    [0, 0]
  ])
)

/** Random window operations whose output is not empty: strides 1–3, dilations 1–3, odd sizes, every padding. */
export const windows = (maxFilter = 5): fc.Arbitrary<Window> =>
  fc
    .record({
      batch: side(3),
      height: side(13),
      width: side(13),
      filterHeight: side(maxFilter),
      filterWidth: side(maxFilter),
      strides: fc.tuple(side(3), side(3)),
      dilations: fc.tuple(side(3), side(3)),
      pad: padding
    })
    .filter(({ height, width, filterHeight, filterWidth, dilations, pad }) => {
      if (pad === 'same') return true
      const [top, bottom] = pad === 'valid' ? [0, 0] : pad[1]
      const [left, right] = pad === 'valid' ? [0, 0] : pad[2]
      const tall = (filterHeight - 1) * dilations[0] + 1
      const wide = (filterWidth - 1) * dilations[1] + 1
      return height + top + bottom >= tall && width + left + right >= wide
    })

/** tf.grad of a function of images, which tfjs types as one of any tensor. */
export function imageGrad(f: (x: tf.Tensor4D) => tf.Tensor): (x: tf.Tensor4D, dy?: tf.Tensor) => tf.Tensor {
  return tf.grad((x) => f(x as tf.Tensor4D))
}
