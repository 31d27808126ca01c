import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'
import { inputOf, replaceKernel, runPublished } from './register.js'

/** Sum and Mean over neighbouring axes that are not the last, without tfjs's transposition. */
export function registerReduce(heap: Heap): void {
  for (const name of ['Sum', 'Mean']) {
    replaceKernel(name, (inputs, attributes, published) => {
      const x = inputOf(inputs, 'x')
      const axes = tf.util.parseAxisParam(attributes['axis'] as number | number[], x.shape).sort((a, b) => a - b)
      const first = axes[0]
      const last = axes.at(-1)
      const neighbours = first !== undefined && last !== undefined && last - first === axes.length - 1
      if (!neighbours || last === x.shape.length - 1 || x.dtype !== 'float32') {
        return runPublished(published, inputs, attributes)
      }
      const outer = tf.util.sizeFromShape(x.shape.slice(0, first))
      const reduced = tf.util.sizeFromShape(x.shape.slice(first, last + 1))
      const inner = tf.util.sizeFromShape(x.shape.slice(last + 1))
      const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      const out = heap.output(attributes['keepDims'] === true ? kept : kept.filter((_, axis) => !axes.includes(axis)))
      const scale = name === 'Mean' ? 1 / reduced : 1
      for (let i = 0; i < outer; i++) {
        const from = heap.address(x) + 4 * i * reduced * inner
        heap.kernels.sumRows(from, reduced, inner, scale, heap.address(out) + 4 * i * inner)
      }
      return out
    })
  }
}
