import type { Tensor } from '@tensorflow/tfjs-core'

import type { Backend, Running } from './backend.js'
import { ownVersion } from './packages.js'

/** tfjs in plain JavaScript: always there, some hundred times slower than wasm. For tests and tiny models. */
export const cpu: Backend = {
  name: 'cpu',
  async probe() {
    return { available: true, version: ownVersion('@tensorflow/tfjs-backend-cpu'), why: 'plain JavaScript; slow, for tests' }
  },
  async start() {
    const tf = await import('@tensorflow/tfjs-core')
    await import('@tensorflow/tfjs-backend-cpu')
    await tf.setBackend('cpu')
    await tf.ready()
    return {
      tf,
      layers: () => import('@tensorflow/tfjs-layers'),
      upload: (values, shape) => tf.tensor(values, [...shape], 'float32'),
      download: downloadSync
    } satisfies Running
  }
}

export function downloadSync(tensor: Tensor, into: Float32Array): void {
  into.set(tensor.dataSync<'float32'>())
}
