import type { TensorInfo } from '@tensorflow/tfjs-core'
import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'

/** A tensor seen as a matrix whose columns are its last axis. */
export interface Columns {
  readonly rows: number
  readonly columns: number
}

export function columnsOf(x: TensorInfo): Columns {
  return { rows: tf.util.sizeFromShape(x.shape.slice(0, -1)), columns: x.shape.at(-1) ?? 1 }
}

/** The values of a tensor where they lie; valid until the next allocation. */
export function valuesOf(heap: Heap, tensor: TensorInfo): Float32Array {
  return heap.floats(heap.address(tensor), tf.util.sizeFromShape(tensor.shape))
}

/** The same, or `columns` times `otherwise` where there is no tensor. */
export function valuesOr(heap: Heap, tensor: TensorInfo | undefined, columns: number, otherwise: number): Float32Array {
  return tensor === undefined ? new Float32Array(columns).fill(otherwise) : valuesOf(heap, tensor)
}
