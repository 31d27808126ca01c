import type { Tensor, Tensor1D, Tensor4D } from '@tensorflow/tfjs-core'

import { ones, zeros } from './initialise.js'
import type { Build } from './layer.js'
import { layerName, parameter } from './layers.js'
import type { ModelTensor } from './model.js'
import { batchNormTraining } from '../kernels/batch-norm-training.js'
import type { Tf } from '../tf.js'

const EPSILON = 1e-5
/** share of the old moving statistics that stays */
const MOMENTUM = 0.9

/**
 * Batch normalisation over all but the last axis (Ioffe and Szegedy, 2015). Training uses the statistics of the
 * minibatch and moves the buffers towards them; the moving variance is the unbiased one. Evaluation uses the buffers.
 */
export function batchNorm(name: string): Build {
  return (input) => {
    const channels = input.at(-1) ?? 0
    const scale = parameter(`${name}/gamma`, [channels], ones)
    const shift = parameter(`${name}/beta`, [channels], zeros)
    const mean: ModelTensor = { name: `${name}/moving_mean`, shape: [channels], trainable: false, initialise: zeros }
    const variance: ModelTensor = { ...mean, name: `${name}/moving_variance`, initialise: ones }
    return {
      output: input,
      tensors: [scale, shift, mean, variance],
      apply(x, { tf, training, variable }) {
        const images = x as Tensor4D
        const gamma = variable(scale) as Tensor1D
        const beta = variable(shift) as Tensor1D
        if (!training) {
          return tf.batchNorm(images, variable(mean) as Tensor1D, variable(variance) as Tensor1D, beta, gamma, EPSILON)
        }
        const { y, batchMean, batchVariance } = normaliseByBatch(tf, images, gamma, beta)
        const samples = x.size / channels
        const unbiased = tf.mul(batchVariance, samples / Math.max(1, samples - 1))
        variable(mean).assign(blend(tf, variable(mean), batchMean))
        variable(variance).assign(blend(tf, variable(variance), unbiased))
        return y
      },
      translate(x, { layers, apply }) {
        const layer = layers.batchNormalization({ name: layerName(name), epsilon: EPSILON, momentum: MOMENTUM })
        return apply(layer, x, [scale, shift, mean, variance])
      }
    }
  }
}

function blend(tf: Tf, old: Tensor, now: Tensor): Tensor {
  return tf.add(tf.mul(old, MOMENTUM), tf.mul(now, 1 - MOMENTUM))
}

interface Normalised {
  readonly y: Tensor
  readonly batchMean: Tensor
  /** biased: the mean of the squares */
  readonly batchVariance: Tensor
}

function normaliseByBatch(tf: Tf, x: Tensor4D, gamma: Tensor1D, beta: Tensor1D): Normalised {
  const fused = batchNormTraining(tf, x, gamma, beta, EPSILON)
  if (fused !== undefined) return { y: fused.y, batchMean: fused.mean, batchVariance: fused.variance }
  const { mean, variance } = tf.moments(x, [0, 1, 2]) as { mean: Tensor1D; variance: Tensor1D }
  return { y: normalise(tf, x, gamma, beta, mean, variance), batchMean: mean, batchVariance: variance }
}

/**
 * γ (x − μ) / σ + β, with the closed form of its gradient where μ and σ are the statistics of x itself (Ioffe and
 * Szegedy, 2015, section 3): dx = γ / σ · (dy − mean(dy) − x̂ · mean(dy · x̂)).
 */
function normalise(tf: Tf, x: Tensor4D, gamma: Tensor1D, beta: Tensor1D, mean: Tensor1D, variance: Tensor1D): Tensor {
  const operation = tf.customGrad((...args) => {
    const [input, scale, shift, save] = args as [Tensor4D, Tensor1D, Tensor1D, (tensors: Tensor[]) => void]
    const inverse = tf.rsqrt(tf.add(variance, EPSILON))
    save([input, scale, mean, inverse])
    return {
      value: tf.batchNorm(input, mean, variance, shift, scale, EPSILON),
      gradFunc(dy: Tensor, saved: Tensor[]) {
        const [images, factor, centre, inverseDeviation] = saved as [Tensor, Tensor, Tensor, Tensor]
        const axes = [0, 1, 2]
        const normalised = tf.mul(tf.sub(images, centre), inverseDeviation)
        const shiftGradient = tf.sum(dy, axes)
        const scaleGradient = tf.sum(tf.mul(dy, normalised), axes)
        const count = images.size / factor.size
        const centred = tf.sub(dy, tf.div(shiftGradient, count))
        const projected = tf.mul(normalised, tf.div(scaleGradient, count))
        return [tf.mul(tf.sub(centred, projected), tf.mul(factor, inverseDeviation)), scaleGradient, shiftGradient]
      }
    }
  })
  return operation(x, gamma, beta)
}
