import type { Tensor } from '@tensorflow/tfjs-core'

import type { Tf } from '../tf.js'

/** For back ends that read at once. */
export function downloadSync(tensor: Tensor, into: Float32Array): void {
  into.set(tensor.dataSync<'float32'>())
}

/** For back ends whose native code takes no shared memory. */
export function uploadCopy(tf: Tf): (values: Float32Array, shape: readonly number[]) => Tensor {
  return (values, shape) => tf.tensor(new Float32Array(values), [...shape], 'float32')
}
