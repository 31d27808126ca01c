import type { Tensor } from '@tensorflow/tfjs-core'
import { tf, tfLayers } from '../own-tfjs.js'
import { batchNormTraining } from './batch-norm-training.js'

/** What we use of a variable of tfjs-layers. */
interface LayerVariable {
  read(): Tensor
  write(value: Tensor): void
}

/** What we use of tfjs-layers' BatchNormalization. */
interface BatchNormLayer {
  readonly axis: number
  readonly epsilon: number
  readonly momentum: number
  readonly gamma?: LayerVariable
  readonly beta?: LayerVariable
  readonly movingMean: LayerVariable
  readonly movingVariance: LayerVariable
}

type Call = (this: BatchNormLayer, inputs: Tensor | Tensor[], kwargs: { training?: boolean }) => Tensor

let patched = false

/**
 * Makes the BatchNormalization layers of tfjs models train with the fused kernel. tfjs-layers composes the
 * statistics from a dozen kernels, whose gradients take many times as long as the normalisation. Once for a thread.
 */
export function fuseBatchNormLayers(): void {
  if (patched) return
  patched = true
  const prototype: { call: Call } = Object.getPrototypeOf(tfLayers.layers.batchNormalization())
  const published = prototype.call
  prototype.call = function (inputs, kwargs) {
    const x = Array.isArray(inputs) ? inputs[0] : inputs
    const lastAxis = this.axis === -1 || this.axis === x.rank - 1
    if (kwargs.training !== true || !lastAxis) return published.call(this, inputs, kwargs)
    return tf.tidy(() => {
      const gamma = this.gamma?.read() ?? tf.ones([x.shape[x.rank - 1]])
      const beta = this.beta?.read() ?? tf.zeros([x.shape[x.rank - 1]])
      const fused = batchNormTraining(tf, x, gamma, beta, this.epsilon)
      if (fused === undefined) return published.call(this, inputs, kwargs)
      move(this.movingMean, fused.mean, this.momentum)
      move(this.movingVariance, fused.variance, this.momentum)
      return fused.y
    })
  }
}

/** Keras's moving average: the share `momentum` of the old value stays. */
function move(variable: LayerVariable, now: Tensor, momentum: number): void {
  tf.tidy(() => variable.write(tf.add(tf.mul(variable.read(), momentum), tf.mul(now, 1 - momentum))))
}
