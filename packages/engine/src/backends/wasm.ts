import type { Tensor } from '@tensorflow/tfjs-core'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'

import type { Backend, Running } from './backend.js'
import { directoryOf, ownVersion } from './packages.js'
import { registerTrainingKernels } from '../kernels/index.js'

/** tfjs on WebAssembly SIMD (XNNPACK) with our training kernels: the default, on every machine, one thread a worker. */
export const wasm: Backend = {
  name: 'wasm',
  async probe() {
    const version = ownVersion('@tensorflow/tfjs-backend-wasm')
    return { available: true, version, why: 'WebAssembly SIMD with our training kernels; runs everywhere' }
  },
  async start() {
    const tf = await import('@tensorflow/tfjs-core')
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(`${directoryOf('@tensorflow/tfjs-backend-wasm')}/`)
    await tf.setBackend('wasm')
    await tf.ready()
    await registerTrainingKernels()
    const backend = tf.backend() as BackendWasm
    return {
      tf,
      layers: () => import('@tensorflow/tfjs-layers'),
      upload: (values, shape) => tf.tensor(values, [...shape], 'float32'),
      download: (tensor: Tensor, into) => into.set(backend.typedArrayFromHeap(tensor))
    } satisfies Running
  }
}
