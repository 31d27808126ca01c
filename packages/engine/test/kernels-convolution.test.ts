import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type Pad,
  prepare,
  runOn,
  seed,
  TOLERANCE,
  values,
  wasmAgainstCpu,
  windows,
  type Window
} from './kernels-support.js'

beforeAll(prepare)

const channels = fc.integer({ min: 1, max: 19 })

/** A matrix that puts element i of `count` to place i · dilation. */
function placement(count: number, dilation: number): tf.Tensor2D {
  const matrix = tf.buffer<tf.Rank.R2>([(count - 1) * dilation + 1, count])
  for (let i = 0; i < count; i++) matrix.set(1, i * dilation, i)
  return matrix.toTensor()
}

/**
 * The filter with zeros between its elements: a convolution with it at dilation 1 is the dilated convolution, and
 * tfjs can take its gradient.
 */
function spread(filter: tf.Tensor4D, [high, wide]: [number, number]): tf.Tensor4D {
  const [height, width, inChannels, outChannels] = filter.shape
  const tall = (height - 1) * high + 1
  const inner = inChannels * outChannels
  const rows = tf.matMul(placement(height, high), tf.reshape(filter, [height, width * inner]))
  const columns = tf.reshape(tf.transpose(tf.reshape(rows, [tall, width, inner]), [1, 0, 2]), [width, tall * inner])
  const both = tf.reshape(tf.matMul(placement(width, wide), columns), [-1, tall, inChannels, outChannels])
  return tf.transpose(both, [1, 0, 2, 3]) as tf.Tensor4D
}

type Kernel = 'Conv2D' | 'DepthwiseConv2dNative'

function convolve(kernel: Kernel, { strides, dilations, pad }: Window, x: tf.Tensor4D, filter: tf.Tensor4D): tf.Tensor {
  if (tf.getBackend() === 'wasm') {
    const attributes = { strides, pad, dataFormat: 'NHWC', dilations }
    return tf.engine().runKernel<tf.Tensor>(kernel, { x, filter }, attributes)
  }
  const run = kernel === 'Conv2D' ? tf.conv2d : tf.depthwiseConv2d
  return run(x, spread(filter, dilations), strides, pad)
}

/** y, dx and dfilter on wasm against cpu. `last` is the filter's last size. */
function apart(kernel: Kernel, window: Window, inChannels: number, last: number, start: number): number {
  const { batch, height, width, filterHeight, filterWidth } = window
  const inputs = [
    values([batch, height, width, inChannels], start),
    values([filterHeight, filterWidth, inChannels, last], start + 1)
  ]
  return wasmAgainstCpu(inputs, (tensors) => {
    const [x, filter] = tensors as [tf.Tensor4D, tf.Tensor4D]
    const y = convolve(kernel, window, x, filter)
    const dy = tf.tensor(values(y.shape, start + 2).values, y.shape)
    const gradients = tf.grads((a, b) => convolve(kernel, window, a as tf.Tensor4D, b as tf.Tensor4D))([x, filter], dy)
    return [y, ...gradients]
  })
}

/** Three by three at stride one. */
const square: Window = {
  batch: 1,
  height: 11,
  width: 13,
  filterHeight: 3,
  filterWidth: 3,
  strides: [1, 1],
  dilations: [1, 1],
  pad: 'same'
}

describe('convolution', () => {
  it('with a bias that is not one for each channel is left to the published kernel, which refuses it', () => {
    const inputs = [values([1, 4, 4, 3], 1), values([3, 3, 3, 8], 2), values([], 3)]
    const work = ([x, filter, bias]: tf.Tensor[]): tf.Tensor[] => [
      tf.fused.conv2d({ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, strides: 1, pad: 'same', bias })
    ]
    expect(() => runOn('wasm', inputs, work)).toThrow(/rank-1 bias/)
  })

  it('and both gradients are those of the cpu back end on any window', () => {
    fc.assert(
      fc.property(windows(), channels, channels, seed, (window, inChannels, outChannels, start) => {
        expect(apart('Conv2D', window, inChannels, outChannels, start)).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 100 }
    )
  })

  it('stays right where sums go over several blocks of rows, depth and columns', () => {
    for (const [stride, pad] of [
      [1, 'same'],
      [2, 'same'],
      [1, 'valid']
    ] as const) {
      const variant: Window = { ...square, strides: [stride, stride], pad }
      expect(apart('Conv2D', variant, 60, 13, 7)).toBeLessThan(TOLERANCE)
    }
    expect(apart('Conv2D', { ...square, filterHeight: 1, filterWidth: 1 }, 530, 9, 11)).toBeLessThan(TOLERANCE)
  })

  it('of three by three, which Winograd computes, is right on any size and padding up to two', () => {
    const even = fc.integer({ min: 1, max: 5 }).map((n) => 4 * n)
    const edge = fc.integer({ min: 0, max: 2 })
    const explicit = fc.tuple(edge, edge, edge, edge).map(([a, b, c, d]): Pad => [
      [0, 0],
      [a, b],
      [c, d],
      [0, 0]
    ])
    const three = fc.record({
      batch: fc.integer({ min: 1, max: 5 }),
      height: fc.integer({ min: 3, max: 11 }),
      width: fc.integer({ min: 3, max: 11 }),
      filterHeight: fc.constant(3),
      filterWidth: fc.constant(3),
      strides: fc.constant<[number, number]>([1, 1]),
      dilations: fc.constant<[number, number]>([1, 1]),
      pad: fc.oneof(fc.constantFrom<Pad>('same', 'valid'), explicit)
    })
    fc.assert(
      fc.property(three, even, even, seed, (window, inChannels, outChannels, start) => {
        expect(apart('Conv2D', window, inChannels, outChannels, start)).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 50 }
    )
  })

  it('of three by three stays right with large filters, and with many tiles', () => {
    expect(apart('Conv2D', { ...square, batch: 1, height: 5, width: 4 }, 132, 128, 3)).toBeLessThan(TOLERANCE)
    expect(apart('Conv2D', { ...square, batch: 3, height: 28, width: 27 }, 4, 8, 5)).toBeLessThan(TOLERANCE)
  })

  it('gives a sample the same bits in any batch', () => {
    const [samples, depth, columns] = [130, 132, 128]
    const shape = [4, 4, depth]
    const [x, filter] = [values([samples, ...shape], 1), values([3, 3, depth, columns], 2)]
    const convolution = ([images, weights]: tf.Tensor[]): tf.Tensor[] => [
      tf.conv2d(images as tf.Tensor4D, weights as tf.Tensor4D, 1, 'same')
    ]
    const [all] = runOn('wasm', [x, filter], convolution)
    const size = 16 * depth
    for (const sample of [0, 1, 127, 128, 129]) {
      const one = { shape: [1, ...shape], values: x.values.slice(sample * size, (sample + 1) * size) }
      const [alone] = runOn('wasm', [one, filter], convolution)
      expect(alone).toEqual(all.slice(sample * 16 * columns, (sample + 1) * 16 * columns))
    }
  })

  it('with bias and activation is the published fused kernel', () => {
    const inputs = [values([2, 6, 5, 3], 1), values([3, 3, 3, 9], 2), values([9], 3)]
    for (const activation of ['linear', 'relu', 'relu6', 'elu'] as const) {
      const difference = wasmAgainstCpu(inputs, ([x, filter, bias]) => [
        tf.fused.conv2d({
          x: tf.mul(x, 8) as tf.Tensor4D,
          filter: filter as tf.Tensor4D,
          strides: 1,
          pad: 'same',
          bias,
          activation
        })
      ])
      expect(difference).toBeLessThan(TOLERANCE)
    }
  })
})

describe('depthwise convolution', () => {
  it('and both gradients are those of the cpu back end on any window', () => {
    const multiplier = fc.integer({ min: 1, max: 3 })
    fc.assert(
      fc.property(windows(), channels, multiplier, seed, (window, inChannels, times, start) => {
        expect(apart('DepthwiseConv2dNative', window, inChannels, times, start)).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 100 }
    )
  })

  it('is right on three by three, which has paths of its own', () => {
    const three = windows(3).map((window) => ({ ...window, filterHeight: 3, filterWidth: 3, pad: 'same' as const }))
    fc.assert(
      fc.property(three, channels, seed, (window, inChannels, start) => {
        expect(apart('DepthwiseConv2dNative', window, inChannels, 1, start)).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 50 }
    )
  })
})
