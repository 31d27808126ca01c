import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { batchNormTraining, registerTrainingKernels } from '../src/kernels/index.js'
import {
  difference,
  imageGrad,
  prepare,
  runOn,
  seed,
  TOLERANCE,
  values,
  wasmAgainstCpu,
  windows
} from './kernels-support.js'

beforeAll(prepare)

const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

it('integers are left to the published kernels, which refuse them', () => {
  const whole = (x: tf.Tensor): tf.Tensor => tf.cast(tf.mul(x, 100), 'int32')
  const product = ([a, b]: tf.Tensor[]): tf.Tensor[] => [tf.matMul(whole(a), whole(b))]
  expect(() => runOn('wasm', [values([2, 3], 1), values([3, 2], 2)], product)).toThrow(/float32/)
  const pool = ([x]: tf.Tensor[]): tf.Tensor[] => [tf.maxPool(whole(x) as tf.Tensor4D, 2, 2, 'valid')]
  expect(() => runOn('wasm', [values([1, 4, 4, 1], 1)], pool)).toThrow(/float32/)
})

describe('matMul', () => {
  it('is that of the cpu back end with any factor transposed and batches broadcast', () => {
    const batches = fc.constantFrom([[], []], [[3], [3]], [[1], [3]], [[2], [1]])
    fc.assert(
      fc.property(
        size(70),
        size(40),
        size(150),
        fc.boolean(),
        fc.boolean(),
        batches,
        seed,
        (rows, columns, depth, transposeA, transposeB, [outerA, outerB], start) => {
          const a = values([...outerA, ...(transposeA ? [depth, rows] : [rows, depth])], start)
          const b = values([...outerB, ...(transposeB ? [columns, depth] : [depth, columns])], start + 1)
          const apart = wasmAgainstCpu([a, b], ([left, right]) => [tf.matMul(left, right, transposeA, transposeB)])
          expect(apart).toBeLessThan(TOLERANCE)
        }
      ),
      { numRuns: 150 }
    )
  })

  it('stays right beyond one block of rows of a transposed factor', () => {
    const inputs = [values([33, 1030], 1), values([33, 19], 2)]
    expect(wasmAgainstCpu(inputs, ([a, b]) => [tf.matMul(a, b, true, false)])).toBeLessThan(TOLERANCE)
  })
})

describe('pooling', () => {
  // tfjs pools take explicit padding with a rounding mode only, and no dilation
  const pools = windows(4)
    .filter(({ pad }) => typeof pad === 'string')
    .filter(({ pad, height, width, filterHeight, filterWidth }) => {
      return pad === 'same' || (height >= filterHeight && width >= filterWidth)
    })

  it('by maximum and its gradient are those of the cpu back end', () => {
    fc.assert(
      fc.property(pools, size(11), seed, (window, channels, start) => {
        const { batch, height, width, filterHeight, filterWidth, strides, pad } = window
        const pool = (x: tf.Tensor4D): tf.Tensor4D =>
          tf.maxPool(x, [filterHeight, filterWidth], strides, pad as 'same' | 'valid')
        const apart = wasmAgainstCpu([values([batch, height, width, channels], start)], ([x]) => {
          const y = pool(x as tf.Tensor4D)
          const dy = tf.tensor(values(y.shape, start + 1).values, y.shape) as tf.Tensor4D
          return [y, imageGrad(pool)(x as tf.Tensor4D, dy)]
        })
        expect(apart).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 150 }
    )
  })

  it('gives the gradient of a tie to the first of the largest', () => {
    const [dx] = runOn('wasm', [{ shape: [1, 2, 2, 1], values: new Float32Array([3, 1, 3, 3]) }], ([x]) => [
      imageGrad((image) => tf.maxPool(image, 2, 2, 'valid'))(x as tf.Tensor4D)
    ])
    expect([...dx]).toEqual([1, 0, 0, 0])
  })

  it('by mean is that of the cpu back end, and so is its gradient where no window hangs over the edge', () => {
    fc.assert(
      fc.property(pools, size(11), seed, (window, channels, start) => {
        const { batch, height, width, filterHeight, filterWidth, strides, pad } = window
        const pool = (x: tf.Tensor4D): tf.Tensor4D =>
          tf.avgPool(x, [filterHeight, filterWidth], strides, pad as 'same' | 'valid')
        const apart = wasmAgainstCpu([values([batch, height, width, channels], start)], ([x]) => {
          const y = pool(x as tf.Tensor4D)
          const dy = tf.tensor(values(y.shape, start + 1).values, y.shape) as tf.Tensor4D
          return pad === 'valid' ? [y, imageGrad(pool)(x as tf.Tensor4D, dy)] : [y]
        })
        expect(apart).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 100 }
    )
  })

  it('by mean is linear, so its gradient is its adjoint: ⟨pool(x), dy⟩ = ⟨x, gradient(dy)⟩', () => {
    fc.assert(
      fc.property(pools, size(5), seed, (window, channels, start) => {
        const { batch, height, width, filterHeight, filterWidth, strides, pad } = window
        const pool = (x: tf.Tensor4D): tf.Tensor4D =>
          tf.avgPool(x, [filterHeight, filterWidth], strides, pad as 'same' | 'valid')
        const [left, right] = runOn('wasm', [values([batch, height, width, channels], start)], ([x]) => {
          const y = pool(x as tf.Tensor4D)
          const dy = tf.tensor(values(y.shape, start + 1).values, y.shape) as tf.Tensor4D
          return [tf.sum(tf.mul(y, dy)), tf.sum(tf.mul(x, imageGrad(pool)(x as tf.Tensor4D, dy)))]
        })
        expect(Math.abs(left[0] - right[0])).toBeLessThan(TOLERANCE * batch * height * width)
      }),
      { numRuns: 100 }
    )
  })
})

describe('batch normalisation', () => {
  /** The published composition of statistics and normalisation. */
  function composed(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
    const { mean, variance } = tf.moments(x, [0, 1, 2])
    const centred = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)))
    return tf.add(tf.mul(centred, gamma), beta)
  }

  function fused(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
    return batchNormTraining(tf, x, gamma, beta, 1e-3)?.y ?? composed(x, gamma, beta)
  }

  it('in training, and its gradient in closed form, are those of the composition on the cpu back end', () => {
    fc.assert(
      fc.property(size(4), size(9), size(9), size(11), seed, (batch, height, width, channels, start) => {
        const shape = [batch, height, width, channels]
        const inputs = [
          values(shape, start),
          values([channels], start + 1),
          values([channels], start + 2),
          values(shape, start + 3)
        ]
        const apart = wasmAgainstCpu(
          inputs,
          ([x, gamma, beta, dy]) => {
            const [image, scale, shift] = [
              tf.add(tf.mul(x, 3), 5) as tf.Tensor4D,
              gamma as tf.Tensor1D,
              beta as tf.Tensor1D
            ]
            return [
              fused(image, scale, shift),
              ...tf.grads((...of) => fused(...(of as Parameters<typeof fused>)))([image, scale, shift], dy as tf.Tensor)
            ]
            // few rows have gradients near 0, as differences of numbers near 1
          },
          1
        )
        expect(apart).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 100 }
    )
  })

  it('gives the mean and variance of the batch, also far from zero and over many rows', () => {
    const x = values([1000, 6], 5)
    const apart = wasmAgainstCpu([x], ([raw]) => {
      const shifted = tf.add(raw, 100)
      const ofBatch = batchNormTraining(tf, shifted, tf.ones([6]), tf.zeros([6]), 1e-3)
      if (ofBatch) return [tf.sub(ofBatch.mean, 100), ofBatch.variance]
      const { mean, variance } = tf.moments(raw, 0)
      return [mean, variance]
    })
    expect(apart).toBeLessThan(1e-3)
  })

  it('with given statistics, and its gradients to all five, are those of the cpu back end', () => {
    fc.assert(
      fc.property(size(3), size(6), size(11), seed, (batch, side, channels, start) => {
        const inputs = [
          values([batch, side, side, channels], start),
          ...[1, 2, 3, 4].map((i) => values([channels], start + i)),
          values([batch, side, side, channels], start + 5)
        ]
        const apart = wasmAgainstCpu(inputs, ([x, mean, spread, offset, scale, dy]) => {
          const variance = tf.add(tf.abs(spread), 0.1)
          const norm = (...of: tf.Tensor[]): tf.Tensor =>
            tf.batchNorm(
              of[0] as tf.Tensor4D,
              of[1] as tf.Tensor1D,
              of[2] as tf.Tensor1D,
              of[3] as tf.Tensor1D,
              of[4] as tf.Tensor1D
            )
          const all = [x, mean, variance, offset, scale]
          return [norm(...all), ...tf.grads(norm)(all, dy)]
        })
        expect(apart).toBeLessThan(TOLERANCE)
      }),
      { numRuns: 60 }
    )
  })
})

describe('rectifiers', () => {
  it('and their gradients are those of the cpu back end', () => {
    fc.assert(
      fc.property(size(40), seed, fc.constantFrom('relu' as const, 'relu6' as const), (count, start, name) => {
        const apart = wasmAgainstCpu([values([count], start), values([count], start + 1)], ([raw, dy]) => {
          const x = tf.mul(raw, 10)
          return [tf[name](x), tf.grad((of: tf.Tensor) => tf[name](of))(x, dy)]
        })
        expect(apart).toBeLessThan(TOLERANCE)
      })
    )
  })
})

describe('reductions', () => {
  it('are those of the cpu back end over any axes', () => {
    const axes = fc.subarray([0, 1, 2, 3], { minLength: 1 })
    fc.assert(
      fc.property(
        axes,
        fc.boolean(),
        fc.constantFrom('sum' as const, 'mean' as const),
        seed,
        (over, keep, name, start) => {
          // where a sum cancels no error is small beside it
          const apart = wasmAgainstCpu([values([3, 4, 5, 6], start)], ([x]) => [tf[name](tf.add(x, 1.5), over, keep)])
          expect(apart).toBeLessThan(TOLERANCE)
        }
      )
    )
  })

  it('leave integers to the published kernel', () => {
    const [sum] = runOn('wasm', [values([4, 3], 1)], ([x]) => [tf.sum(tf.cast(tf.mul(x, 100), 'int32'), 0)])
    expect(sum).toHaveLength(3)
    expect([...sum].every(Number.isInteger)).toBe(true)
  })
})

describe('embedding', () => {
  it('gather has the gradient of the cpu back end, rows that are taken twice included', () => {
    fc.assert(
      fc.property(
        size(12),
        size(9),
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }),
        seed,
        (rows, width, raw, start) => {
          const apart = wasmAgainstCpu(
            [values([rows, width], start), values([raw.length, width], start + 1)],
            ([x, dy]) => {
              const indices = tf.tensor1d(
                raw.map((index) => index % rows),
                'int32'
              )
              return [tf.grad((table: tf.Tensor) => tf.gather(table, indices))(x, dy)]
            }
          )
          expect(apart).toBeLessThan(TOLERANCE)
        }
      )
    )
  })

  it('leaves out segments that do not exist', () => {
    const [sums] = runOn('wasm', [values([3, 2], 1)], ([x]) => [
      tf.unsortedSegmentSum(x, tf.tensor1d([-1, 7, 1], 'int32'), 2)
    ])
    expect([...sums.slice(0, 2)]).toEqual([0, 0])
  })
})

describe('moves', () => {
  const shape = fc.array(size(6), { minLength: 1, maxLength: 4 })
  const dtype = fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const)
  const cast = (x: tf.Tensor, to: 'float32' | 'int32' | 'bool'): tf.Tensor =>
    to === 'bool' ? tf.greater(x, 0) : tf.cast(tf.mul(x, 1000), to)

  it('unpack any axis as the cpu back end does', () => {
    fc.assert(
      fc.property(shape, fc.nat(3), dtype, seed, (of, axis, type, start) => {
        const work = ([x]: tf.Tensor[]): tf.Tensor[] => tf.unstack(cast(x, type), axis % of.length)
        expect(wasmAgainstCpu([values(of, start)], work)).toBe(0)
      })
    )
  })

  it('tile any axes as the cpu back end does', () => {
    fc.assert(
      fc.property(shape, fc.array(size(3), { minLength: 4, maxLength: 4 }), dtype, seed, (of, times, type, start) => {
        const work = ([x]: tf.Tensor[]): tf.Tensor[] => [tf.tile(cast(x, type), times.slice(0, of.length))]
        expect(wasmAgainstCpu([values(of, start)], work)).toBe(0)
      })
    )
  })

  it('reverse any axes as the cpu back end does', () => {
    fc.assert(
      fc.property(shape, fc.subarray([0, 1, 2, 3]), dtype, seed, (of, axes, type, start) => {
        const over = axes.filter((axis) => axis < of.length)
        const work = ([x]: tf.Tensor[]): tf.Tensor[] => [tf.reverse(cast(x, type), over)]
        expect(wasmAgainstCpu([values(of, start)], work)).toBe(0)
      })
    )
  })

  it('copy rows of any length', () => {
    const work = ([x]: tf.Tensor[]): tf.Tensor[] => [tf.tile(x, [2, 3]), tf.reverse(x, 0), ...tf.unstack(x, 0)]
    for (const columns of [1, 3, 4, 5, 63, 64, 65, 200]) {
      expect(wasmAgainstCpu([values([7, columns], columns)], work)).toBe(0)
    }
  })
})

describe('registration', () => {
  it('refuses another back end', async () => {
    await tf.setBackend('cpu')
    await expect(registerTrainingKernels()).rejects.toMatchObject({ code: 'unsupported' })
    await tf.setBackend('wasm')
  })

  it('gives the same bits twice', () => {
    const inputs = [values([4, 16, 16, 8], 1), values([3, 3, 8, 16], 2)]
    const work = ([x, filter]: tf.Tensor[]): tf.Tensor[] =>
      tf.grads((a, b) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same'))([x, filter])
    const [first, second] = [runOn('wasm', inputs, work), runOn('wasm', inputs, work)]
    expect(first.map((tensor, i) => difference(tensor, second[i]))).toEqual([0, 0])
  })
})
