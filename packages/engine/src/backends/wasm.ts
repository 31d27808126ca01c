import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'

import type { Backend, Running } from './backend.js'
import { directoryOf, ownVersion } from './packages.js'

/** tfjs on WebAssembly SIMD with our training kernels: the default, on every machine, one thread a worker. */
export const wasm: Backend = {
  name: 'wasm',
  probe: () => ({
    available: true,
    version: ownVersion('@tensorflow/tfjs-backend-wasm'),
    why: 'WebAssembly SIMD with our training kernels, which runs everywhere'
  }),
  async start() {
    const { loadWasm, tf, tfLayers } = await import('../own-tfjs.js')
    const { setWasmPaths } = loadWasm()
    const { registerTrainingKernels } = await import('../kernels/index.js')
    setWasmPaths(`${directoryOf('@tensorflow/tfjs-backend-wasm')}/`)
    await tf.setBackend('wasm')
    await tf.ready()
    await registerTrainingKernels()
    const backend = tf.backend() as BackendWasm
    return {
      tf,
      layers: () => Promise.resolve(tfLayers),
      upload: (values, shape) => tf.tensor(values, [...shape], 'float32'),
      holds: (tensor, values) => bytesOf(backend.typedArrayFromHeap(tensor)).equals(bytesOf(values)),
      download: (tensor, into) => into.set(backend.typedArrayFromHeap(tensor))
    } satisfies Running
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
