import type { Tensor } from '@tensorflow/tfjs-core'
import type { Tf } from '../tf.js'

/**
 * Batch normalisation of x over its last axis with the statistics of the batch, as one kernel with a gradient in
 * closed form; `variance` is the biased one, and no gradient flows through `mean` and `variance`. Undefined where the
 * active back end has no such kernel: compose it from tfjs's then.
 */
export function batchNormTraining<T extends Tensor>(
  tf: Tf,
  x: T,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number
): { y: T; mean: Tensor; variance: Tensor } | undefined {
  if (tf.getKernel('BatchNormTraining', tf.getBackend()) === undefined) return undefined
  const inputs = { x, scale: gamma, offset: beta }
  const [y, mean, variance] = tf.engine().runKernel<Tensor[]>('BatchNormTraining', inputs, { epsilon })
  return { y: y as T, mean, variance }
}
