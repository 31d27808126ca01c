import { tf } from '../own-tfjs.js'
import type { Heap } from './heap.js'
import { inputOf, replaceGradient, replaceKernel, runKernel, runPublished } from './register.js'

/** ReLU and ReLU6: one pass forward, one pass back, where tfjs's gradient takes three or five. */
export function registerRelu(heap: Heap): void {
  const { kernels } = heap
  for (const [name, ceiling] of [
    ['Relu', Infinity],
    ['Relu6', 6]
  ] as const) {
    replaceKernel(name, (inputs, attributes, published) => {
      const x = inputOf(inputs, 'x')
      if (x.dtype !== 'float32') return runPublished(published, inputs, attributes)
      const y = heap.output(x.shape)
      kernels.relu(heap.address(x), tf.util.sizeFromShape(x.shape), ceiling, heap.address(y))
      return y
    })
    replaceKernel(`${name}Grad`, (inputs) => {
      const dy = inputOf(inputs, 'dy')
      const x = inputOf(inputs, 'x')
      const dx = heap.output(x.shape)
      const count = tf.util.sizeFromShape(x.shape)
      kernels.reluGradient(heap.address(dy), heap.address(x), count, ceiling, heap.address(dx))
      return dx
    })
    replaceGradient(name, {
      inputsToSave: ['x'],
      gradFunc: (dy, [x]) => ({ x: () => runKernel(`${name}Grad`, { dy, x }, {}) })
    })
  }
}
