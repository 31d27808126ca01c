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
    const tf = await import('@tensorflow/tfjs-core')
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    const { registerTrainingKernels } = await import('../kernels/index.js')
    const layers = await import('@tensorflow/tfjs-layers')
    setWasmPaths(`${directoryOf('@tensorflow/tfjs-backend-wasm')}/`)
    await tf.setBackend('wasm')
    await tf.ready()
    await registerTrainingKernels()
    const backend = tf.backend() as BackendWasm
    return {
      tf,
      layers: () => Promise.resolve(layers),
      upload: (values, shape) => tf.tensor(values, [...shape], 'float32'),
      holds: (tensor, values) => sameBits(backend.typedArrayFromHeap(tensor), values),
      download: (tensor, into) => into.set(backend.typedArrayFromHeap(tensor))
    } satisfies Running
  }
}

function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const [x, y] = [wordsOf(a), wordsOf(b)]
  let i = 0
  while (i < x.length && x[i] === y[i]) i++
  return i === x.length
}

function wordsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / 4)
}
