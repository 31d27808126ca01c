import type { Initialiser } from './initialise.js'
import { modelOf, sequence, type Build } from './layer.js'
import { convolution, dense, flatten, maxPool, relu } from './layers.js'
import type { ModelFactory } from './model.js'
import { checkOptions } from '../options.js'

/**
 * ByzFL's `cnn_mnist`: 5×5 convolution 20 – relu – pool – 5×5 convolution 50 – relu – pool – dense 500 – relu –
 * dense classes, valid padding, started as PyTorch starts it.
 */
export const cnnByzfl: ModelFactory = (options) => {
  checkOptions('cnn-byzfl', options, [])
  return (components) =>
    modelOf(
      components,
      sequence(
        torchConvolution('conv1', 20),
        relu,
        maxPool,
        torchConvolution('conv2', 50),
        relu,
        maxPool,
        flatten,
        torchDense('hidden', 500),
        relu,
        torchDense('output', components.classes)
      )
    )
}

/** PyTorch's default for weights and biases: U(−1/√fan-in, 1/√fan-in). */
function torchDefault(fanIn: number): Initialiser {
  const limit = 1 / Math.sqrt(Math.max(1, fanIn))
  return { kind: 'uniform', low: -limit, high: limit }
}

function torchConvolution(name: string, filters: number): Build {
  return (input) => {
    const start = torchDefault(25 * (input[2] ?? 0))
    return convolution(name, { filters, size: 5, padding: 'valid', kernel: start, bias: start })(input)
  }
}

function torchDense(name: string, units: number): Build {
  return (input) => {
    const start = torchDefault(input[0] ?? 0)
    return dense(name, { units, kernel: start, bias: start })(input)
  }
}
