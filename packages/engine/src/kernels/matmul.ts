import type { TensorInfo } from '@tensorflow/tfjs-core'
import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'
import { inputOf, replaceKernel, runPublished } from './register.js'

/** BatchMatMul with either factor transposed, batches broadcast. */
export function registerMatMul(heap: Heap): void {
  const { kernels } = heap
  replaceKernel('BatchMatMul', (inputs, attributes, published) => {
    const a = inputOf(inputs, 'a')
    const b = inputOf(inputs, 'b')
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return runPublished(published, inputs, attributes)
    const transposeA = attributes['transposeA'] === true
    const transposeB = attributes['transposeB'] === true
    const [rowsA, columnsA] = matrix(a)
    const [rowsB, columnsB] = matrix(b)
    const rows = transposeA ? columnsA : rowsA
    const depth = transposeA ? rowsA : columnsA
    const columns = transposeB ? rowsB : columnsB
    const batchesA = tf.util.sizeFromShape(a.shape.slice(0, -2))
    const batchesB = tf.util.sizeFromShape(b.shape.slice(0, -2))
    const outer = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
    const out = heap.output([...outer, rows, columns])
    const batches = Math.max(batchesA, batchesB)
    heap.withScratch(kernels.matmulScratch(rows, columns, depth, Number(transposeA)), (scratch) => {
      for (let batch = 0; batch < batches; batch++) {
        const left = heap.address(a) + 4 * (batch % batchesA) * rows * depth
        const right = heap.address(b) + 4 * (batch % batchesB) * depth * columns
        const to = heap.address(out) + 4 * batch * rows * columns
        kernels.matmul(rows, columns, depth, left, Number(transposeA), right, Number(transposeB), to, scratch)
      }
    })
    return out
  })
}

function matrix(tensor: TensorInfo): [rows: number, columns: number] {
  return [tensor.shape.at(-2) ?? 1, tensor.shape.at(-1) ?? 1]
}
