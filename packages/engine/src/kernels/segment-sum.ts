import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'
import { inputOf, replaceKernel } from './register.js'

/** UnsortedSegmentSum, which the gradient of an embedding's gather needs; tfjs's back end lacks it. */
export function registerSegmentSum(heap: Heap): void {
  replaceKernel('UnsortedSegmentSum', (inputs, attributes) => {
    const x = inputOf(inputs, 'x')
    const segments = inputOf(inputs, 'segmentIds')
    const count = Number(attributes['numSegments'])
    const rows = x.shape[0] ?? 0
    const columns = tf.util.sizeFromShape(x.shape.slice(1))
    const out = heap.output([count, ...x.shape.slice(1)])
    heap.kernels.segmentSum(heap.address(x), heap.address(segments), rows, columns, count, heap.address(out))
    return out
  })
}
