import type { TensorInfo } from '@tensorflow/tfjs-core'
import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'
import { inputOf, replaceKernel, runPublished } from './register.js'

/**
 * Unpack, Tile and Reverse as copies of rows. tfjs's compute the place of every element, which takes a hundred times
 * as long; recurrent layers unpack and reverse their sequences in each step.
 */
export function registerMove(heap: Heap): void {
  const { kernels } = heap

  replaceKernel('Unpack', (inputs, attributes, published) => {
    const value = inputOf(inputs, 'value')
    if (value.dtype === 'string') return runPublished(published, inputs, attributes)
    const [axis] = tf.util.parseAxisParam(Number(attributes['axis'] ?? 0), value.shape)
    const { groups, size, bytes } = around(value, axis)
    const shape = value.shape.filter((_, i) => i !== axis)
    return Array.from({ length: size }, (_, i) => {
      const out = heap.output(shape, value.dtype)
      kernels.copyRows(heap.address(value) + i * bytes, size * bytes, heap.address(out), bytes, groups, bytes)
      return out
    })
  })

  replaceKernel('Tile', (inputs, attributes, published) => {
    const x = inputOf(inputs, 'x')
    if (x.dtype === 'string') return runPublished(published, inputs, attributes)
    const times = attributes['reps'] as number[]
    return alongAxes(
      x,
      axesOf(times, (count) => count !== 1),
      (from, axis) => {
        const { groups, size, bytes } = around(from, axis)
        const out = heap.output(
          from.shape.map((length, i) => (i === axis ? length * times[axis] : length)),
          from.dtype
        )
        kernels.repeatRows(heap.address(from), groups, size * bytes, times[axis], heap.address(out))
        return out
      }
    )
  })

  replaceKernel('Reverse', (inputs, attributes, published) => {
    const x = inputOf(inputs, 'x')
    if (x.dtype === 'string') return runPublished(published, inputs, attributes)
    const axes = tf.util.parseAxisParam(attributes['dims'] as number | number[], x.shape)
    return alongAxes(x, x.shape.length === 0 ? [] : axes, (from, axis) => {
      const { groups, size, bytes } = around(from, axis)
      const out = heap.output(from.shape, from.dtype)
      kernels.reverseRows(heap.address(from), groups, size, bytes, heap.address(out))
      return out
    })
  })

  /** Does `step` for one axis after the other, and frees what lies between. */
  function alongAxes(
    x: TensorInfo,
    axes: readonly number[],
    step: (from: TensorInfo, axis: number) => TensorInfo
  ): TensorInfo {
    let result = heap.alias(x)
    for (const axis of axes) {
      const next = step(result, axis)
      heap.free(result)
      result = next
    }
    return result
  }
}

function axesOf<T>(values: readonly T[], takes: (value: T) => boolean): number[] {
  return values.flatMap((value, axis) => (takes(value) ? [axis] : []))
}

/** A tensor as [groups][size][bytes] around an axis. */
function around(x: TensorInfo, axis: number): { groups: number; size: number; bytes: number } {
  return {
    groups: tf.util.sizeFromShape(x.shape.slice(0, axis)),
    size: x.shape[axis],
    bytes: tf.util.sizeFromShape(x.shape.slice(axis + 1)) * tf.util.bytesPerElement(x.dtype)
  }
}
