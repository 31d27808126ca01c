import * as tf from '@tensorflow/tfjs-core'
import { layers, type LayersModel, sequential } from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, it } from 'vitest'
import { prepare, runOn, TOLERANCE, values, wasmAgainstCpu } from './kernels-support.js'

beforeAll(prepare)

/** Every kind of kernel once, in a few hundred parameters. */
function tiny(): LayersModel {
  return sequential({
    layers: [
      layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.batchNormalization(),
      layers.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: 'same' }),
      layers.batchNormalization({ scale: false }),
      layers.reLU({ maxValue: 6 }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 5, kernelSize: 1 }),
      layers.globalAveragePooling2d({}),
      layers.dense({ units: 3 })
    ]
  })
}

describe('training a tfjs model', () => {
  it('keeps the number of tensors and the size of the heap flat over 100 steps', () => {
    tf.setBackend('wasm')
    const model = tiny()
    const x = tf.tensor(values([4, 8, 8, 3], 1).values, [4, 8, 8, 3])
    const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0], 'int32'), 3)
    const optimizer = tf.train.sgd(0.05)
    const step = (): number => {
      const loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar,
        true
      )
      const [value] = loss?.dataSync() ?? [NaN]
      loss?.dispose()
      return value
    }
    const first = step()
    const tensors = tf.memory().numTensors
    const buffers = tf.memory().numDataBuffers
    const bytes = tf.memory().numBytes
    let last = first
    for (let i = 0; i < 100; i++) last = step()
    expect(tf.memory()).toMatchObject({ numTensors: tensors, numDataBuffers: buffers, numBytes: bytes })
    expect(last).toBeLessThan(first)
  })
})

describe('a BatchNormalization layer', () => {
  it('trains, and moves its statistics, as it does on the cpu back end', () => {
    const shape = [3, 5, 4, 7]
    const apart = wasmAgainstCpu([values(shape, 1), values(shape, 2)], ([x, dy]) => {
      const layer = layers.batchNormalization({ momentum: 0.8 })
      const apply = (input: tf.Tensor): tf.Tensor => layer.apply(input, { training: true }) as tf.Tensor
      const y = apply(x)
      const dx = tf.grad(apply)(x, dy)
      const results = [y, dx, ...layer.getWeights().map((weight) => tf.clone(weight))]
      layer.dispose()
      return results
    })
    expect(apart).toBeLessThan(TOLERANCE)
  })

  it('over another axis than the last is left to tfjs', () => {
    const [y] = runOn('wasm', [values([2, 3, 4, 5], 1)], ([x]) => {
      const layer = layers.batchNormalization({ axis: 1 })
      const result = layer.apply(x, { training: true }) as tf.Tensor
      layer.dispose()
      return [result]
    })
    expect(y).toHaveLength(120)
  })
})
