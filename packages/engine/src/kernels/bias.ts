import type { TensorInfo } from '@tensorflow/tfjs-core'
import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'
import type { Attributes } from './register.js'

/** The bounds of an activation that only cuts values off. */
export interface Clamp {
  readonly floor: number
  readonly ceiling: number
}

/** The fused activation of a kernel; undefined for one that is no clamp (elu, sigmoid, …). */
export function clampOf(attributes: Attributes): Clamp | undefined {
  switch (attributes['activation'] ?? 'linear') {
    case 'linear':
      return { floor: -Infinity, ceiling: Infinity }
    case 'relu':
      return { floor: 0, ceiling: Infinity }
    case 'relu6':
      return { floor: 0, ceiling: 6 }
    default:
      return undefined
  }
}

/** Whether there is no bias, or one number for each channel: what the kernel reads. */
export function isPerChannel(bias: TensorInfo | undefined, channels: number): boolean {
  return bias === undefined || (bias.shape.at(-1) === channels && tf.util.sizeFromShape(bias.shape) === channels)
}

/** y = clamp(y + bias) in place, the bias by last axis. */
export function biasActivation(heap: Heap, y: TensorInfo, bias: TensorInfo | undefined, clamp: Clamp): void {
  const columns = y.shape[y.shape.length - 1] ?? 1
  const rows = y.shape.slice(0, -1).reduce((product, size) => product * size, 1)
  if (bias !== undefined) {
    heap.kernels.biasClamp(heap.address(y), rows, columns, heap.address(bias), clamp.floor, clamp.ceiling)
  } else if (clamp.floor === 0) {
    heap.kernels.relu(heap.address(y), rows * columns, clamp.ceiling, heap.address(y))
  }
}
