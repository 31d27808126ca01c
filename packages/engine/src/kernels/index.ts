import { PeergradError } from '@peergrad/core'
import { loadWasm, tf } from '../own-tfjs.js'
import { registerBatchNorm } from './batch-norm.js'
import { fuseBatchNormLayers } from './batch-norm-layer.js'
import { registerConvolution } from './convolution.js'
import { registerDepthwise } from './depthwise.js'
import { Heap } from './heap.js'
import { registerIdentity } from './identity.js'
import { registerMatMul } from './matmul.js'
import { registerMove } from './move.js'
import { registerPool } from './pool.js'
import { registerReduce } from './reduce.js'
import { registerRelu } from './relu.js'
import { registerSegmentSum } from './segment-sum.js'

export { batchNormTraining } from './batch-norm-training.js'

const registered = new WeakSet<object>()

/**
 * Puts our training kernels and their gradients in the place of those that tfjs's WebAssembly back end lacks or has
 * naively. Call it once in a thread, after `await tf.setBackend('wasm')`; a second call does nothing.
 *
 * @throws PeergradError `unsupported` when another back end is active.
 */
export async function registerTrainingKernels(): Promise<void> {
  const { BackendWasm } = loadWasm()
  const backend = tf.backend()
  if (!(backend instanceof BackendWasm)) {
    throw new PeergradError(
      'unsupported',
      `the training kernels work on tfjs's wasm back end, and ${tf.getBackend()} is active: ` +
        "call tf.setBackend('wasm') first"
    )
  }
  if (registered.has(backend)) return
  registered.add(backend)
  const heap = await Heap.of(backend)
  registerConvolution(heap)
  registerDepthwise(heap)
  registerMatMul(heap)
  registerPool(heap)
  registerBatchNorm(heap)
  registerRelu(heap)
  registerReduce(heap)
  registerIdentity(heap)
  registerMove(heap)
  registerSegmentSum(heap)
  fuseBatchNormLayers()
}
