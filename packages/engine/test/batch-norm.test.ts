import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { batchNorm } from '../src/models/batch-norm.js'
import { modelOf } from '../src/models/layer.js'

tf.enableProdMode()
await tf.setBackend('cpu')

const shapes = fc.tuple(
  fc.integer({ min: 2, max: 4 }),
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 5 })
)

it('has the gradient that tfjs finds through the moments of the minibatch, and moves its buffers', () => {
  fc.assert(
    fc.property(shapes, fc.nat(), (shape, seed) => {
      const [n, height, width, channels] = shape
      const count = n * height * width
      const [x, weights] = [
        tf.randomNormal(shape, 1, 2, 'float32', seed + 1),
        tf.randomNormal(shape, 0, 1, 'float32', seed + 2)
      ]
      const model = modelOf({ tf, shape: [height, width, channels] }, batchNorm('norm'))
      const [gamma, beta, mean, variance] = model.variables as [tf.Variable, tf.Variable, tf.Variable, tf.Variable]
      gamma.assign(tf.tidy(() => tf.randomUniform([channels], 0.5, 1.5, 'float32', seed + 3)))
      variance.assign(tf.tidy(() => tf.ones([channels])))
      const ours = (input: tf.Tensor): tf.Scalar => tf.sum(tf.mul(model.forward(input, true), weights))
      const composed = (input: tf.Tensor): tf.Scalar => {
        const moments = tf.moments(input, [0, 1, 2])
        const normal = tf.div(tf.sub(input, moments.mean), tf.sqrt(tf.add(moments.variance, 1e-5)))
        return tf.sum(tf.mul(tf.add(tf.mul(normal, gamma), beta), weights))
      }
      const expected = tf.valueAndGrads((a, g, b) => (void g, void b, composed(a!)))([x, gamma, beta])
      const got = tf.valueAndGrads((a, g, b) => (void g, void b, ours(a!)))([x, gamma, beta])
      const close = (a: tf.Tensor, b: tf.Tensor) => {
        const [left, right] = [a.dataSync(), b.dataSync()]
        left.forEach((value, i) => expect(Math.abs(value - right[i]!)).toBeLessThan(2e-3 * (1 + Math.abs(right[i]!))))
      }
      close(got.value, expected.value)
      got.grads.forEach((gradient, i) => close(gradient, expected.grads[i]!))
      const moments = tf.moments(x, [0, 1, 2])
      close(mean, tf.mul(moments.mean, 0.1))
      close(variance, tf.add(0.9, tf.mul(moments.variance, (0.1 * count) / (count - 1))))
      for (const variable of model.variables) variable.dispose()
      tf.disposeVariables()
    }),
    { numRuns: 20 }
  )
})
