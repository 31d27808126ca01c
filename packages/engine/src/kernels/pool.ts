import type { backend_util, MaxPoolAttrs } from '@tensorflow/tfjs-core'
import { tf } from '../own-tfjs.js'
import { geometryOf } from './geometry.js'
import type { Heap } from './heap.js'
import { type Attributes, inputOf, replaceKernel, runPublished } from './register.js'

function poolInfo(attributes: Attributes, xShape: readonly number[]): backend_util.Conv2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attributes as Partial<MaxPoolAttrs>
  return tf.backend_util.computePool2DInfo(
    xShape as [number, number, number, number],
    filterSize ?? 1,
    strides ?? 1,
    1,
    pad ?? 'valid',
    dimRoundingMode
  )
}

/**
 * Max and average pooling and their gradients. Like tfjs's, the average is over the elements inside x; unlike
 * tfjs's, its gradient divides by the number of those too (tfjs divides by the size of the window even where the
 * window hangs over the edge, which is not the gradient of what it computes).
 */
export function registerPool(heap: Heap): void {
  const { kernels } = heap
  for (const [name, average] of [
    ['MaxPool', 0],
    ['AvgPool', 1]
  ] as const) {
    replaceKernel(name, (inputs, attributes, published) => {
      const x = inputOf(inputs, 'x')
      if (x.dtype !== 'float32') return runPublished(published, inputs, attributes)
      const info = poolInfo(attributes, x.shape)
      const y = heap.output(info.outShape)
      kernels.pool(heap.geometry(geometryOf(info)), heap.address(x), heap.address(y), average)
      return y
    })
    replaceKernel(`${name}Grad`, (inputs, attributes) => {
      const x = inputOf(inputs, 'input')
      const dy = inputOf(inputs, 'dy')
      const y = average === 1 ? dy : inputOf(inputs, 'output')
      const info = poolInfo(attributes, x.shape)
      const dx = heap.output(x.shape)
      const geometry = heap.geometry(geometryOf(info))
      kernels.poolGradient(geometry, heap.address(x), heap.address(y), heap.address(dy), heap.address(dx), average)
      return dx
    })
  }
}
