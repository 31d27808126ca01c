import { PeergradError } from '@peergrad/core'
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'

import { glorotUniform, zeros, type Initialiser } from './initialise.js'
import type { Build, Shape } from './layer.js'
import type { ModelTensor } from './model.js'

/** A translated layer gets its values later: random ones would take longer than all the rest. */
const EMPTY = { kernelInitializer: 'zeros', biasInitializer: 'zeros' } as const

/** Rectified linear unit. */
export const relu: Build = (input) => ({
  output: input,
  tensors: [],
  apply: (x, { tf }) => tf.relu(x),
  translate: (x, { layers, apply }) => apply(layers.reLU(), x)
})

/** [height, width, channels] to one row; no copy. */
export const flatten: Build = (input) => {
  const length = input.reduce((product, size) => product * size, 1)
  return {
    output: [length],
    tensors: [],
    apply: (x, { tf }) => tf.reshape(x, [-1, length]),
    // that of tfjs takes no rows
    translate: (x, { layers, apply }) => (input.length === 1 ? x : apply(layers.flatten(), x))
  }
}

/** Maximum of each 2 × 2 square; an odd last row or column is dropped. */
export const maxPool: Build = (input) => {
  const [height, width, channels] = image(input)
  return {
    output: [height >> 1, width >> 1, channels],
    tensors: [],
    apply: (x, { tf }) => tf.maxPool(x as Tensor4D, 2, 2, 'valid'),
    translate: (x, { layers, apply }) => apply(layers.maxPooling2d({ poolSize: 2, strides: 2, padding: 'valid' }), x)
  }
}

/** Mean over height and width: [height, width, channels] to [channels]. */
export const globalAveragePool: Build = (input) => {
  const [, , channels] = image(input)
  return {
    output: [channels],
    tensors: [],
    apply: (x, { tf }) => tf.mean(x, [1, 2]),
    translate: (x, { layers, apply }) => apply(layers.globalAveragePooling2d({}), x)
  }
}

export function dense(
  name: string,
  { units, kernel = glorotUniform, bias = zeros }: { units: number; kernel?: Initialiser; bias?: Initialiser }
): Build {
  return (input) => {
    const weights = parameter(`${name}/kernel`, [input[0] ?? 0, units], kernel)
    const shift = parameter(`${name}/bias`, [units], bias)
    return {
      output: [units],
      tensors: [weights, shift],
      apply: (x, { tf, variable }) =>
        tf.fused.matMul({
          a: x as Tensor2D,
          b: variable(weights),
          bias: variable(shift),
          transposeA: false,
          transposeB: false
        }),
      translate: (x, { layers, apply }) =>
        apply(layers.dense({ name: layerName(name), units, ...EMPTY }), x, [weights, shift])
    }
  }
}

/** A convolution over [height, width, channels] with a square filter; without a bias unless one is given. */
export function convolution(
  name: string,
  init: {
    filters: number
    size: number
    stride?: number
    padding: 'same' | 'valid'
    kernel?: Initialiser
    bias?: Initialiser | undefined
  }
): Build {
  const { filters, size, stride = 1, padding, kernel = glorotUniform } = init
  return (input) => {
    const [height, width, channels] = image(input)
    const weights = parameter(`${name}/kernel`, [size, size, channels, filters], kernel)
    const shift = init.bias === undefined ? undefined : parameter(`${name}/bias`, [filters], init.bias)
    const tensors = shift === undefined ? [weights] : [weights, shift]
    return {
      output: [extent(height, size, stride, padding), extent(width, size, stride, padding), filters],
      tensors,
      apply(x, { tf, variable }) {
        const images = x as Tensor4D
        const filter = variable(weights) as Tensor4D
        const output = tf.conv2d(images, filter, stride, padding)
        // not tf.fused.conv2d, which computes the gradient to its input also where nobody needs it: in the first layer
        return shift === undefined ? output : tf.add(output, variable(shift))
      },
      translate(x, { layers, apply }) {
        const shape = { filters, kernelSize: size, strides: stride, padding, useBias: shift !== undefined }
        return apply(layers.conv2d({ name: layerName(name), ...shape, ...EMPTY }), x, tensors)
      }
    }
  }
}

/** One square filter for each channel, 'same' padding, no bias. */
export function depthwise(name: string, init: { size: number; stride?: number; kernel: Initialiser }): Build {
  const { size, stride = 1 } = init
  return (input) => {
    const [height, width, channels] = image(input)
    const weights = parameter(`${name}/kernel`, [size, size, channels, 1], init.kernel)
    return {
      output: [extent(height, size, stride, 'same'), extent(width, size, stride, 'same'), channels],
      tensors: [weights],
      apply: (x, { tf, variable }) => tf.depthwiseConv2d(x as Tensor4D, variable(weights) as Tensor4D, stride, 'same'),
      translate(x, { layers, apply }) {
        const shape = { kernelSize: size, strides: stride, padding: 'same' as const, useBias: false }
        const layer = layers.depthwiseConv2d({ name: layerName(name), ...shape, depthwiseInitializer: 'zeros' })
        return apply(layer, x, [weights])
      }
    }
  }
}

/** What a layer of tfjs is called: other tools take no slash. */
export function layerName(name: string): string {
  return name.replaceAll('/', '_')
}

export function parameter(name: string, shape: Shape, initialise: Initialiser): ModelTensor {
  return { name, shape, trainable: true, initialise }
}

export function image(shape: Shape): readonly [height: number, width: number, channels: number] {
  const [height, width, channels] = shape
  if (shape.length === 3 && height !== undefined && width !== undefined && channels !== undefined) {
    return [height, width, channels]
  }
  const message = `model: got samples of shape [${shape.join(', ')}], expected images [height, width, channels]`
  throw new PeergradError('shape', `${message}; choose the model mlp or another data set`)
}

function extent(size: number, filter: number, stride: number, padding: 'same' | 'valid'): number {
  const out = padding === 'same' ? Math.ceil(size / stride) : Math.ceil((size - filter + 1) / stride)
  if (out >= 1) return out
  throw new PeergradError(
    'shape',
    `model: got an image side of ${size} pixels, expected at least ${filter} for a filter of that size`
  )
}
