import { PeergradError } from '@peergrad/core'
import type { Tensor, Variable } from '@tensorflow/tfjs-core'

import type { Model, ModelComponents, ModelTensor } from './model.js'
import type { Tf } from '../tf.js'

/** Shape of one sample, without the batch. */
export type Shape = readonly number[]

/** One forward pass. */
export interface Pass {
  readonly tf: Tf
  readonly training: boolean
  /** the value of a tensor that this layer declared */
  variable(tensor: ModelTensor): Variable
}

/** A layer for one input shape. */
export interface Layer {
  readonly output: Shape
  readonly tensors: readonly ModelTensor[]
  apply(x: Tensor, pass: Pass): Tensor
}

/** A layer before it knows its input. */
export type Build = (input: Shape) => Layer

/** One layer after the other. */
export function sequence(...builds: readonly Build[]): Build {
  return (input) => {
    const layers: Layer[] = []
    let shape = input
    for (const build of builds) {
      const layer = build(shape)
      layers.push(layer)
      shape = layer.output
    }
    return {
      output: shape,
      tensors: layers.flatMap((layer) => layer.tensors),
      apply: (x, pass) => layers.reduce((value, layer) => layer.apply(value, pass), x)
    }
  }
}

/** A layer as a model, with a variable for each of its tensors. */
export function modelOf({ tf, shape }: Pick<ModelComponents, 'tf' | 'shape'>, build: Build): Model {
  const { tensors, apply } = build(shape)
  const variables = tensors.map((tensor) => {
    const { name, trainable } = tensor
    return tf.tidy(() => tf.variable(tf.zeros([...tensor.shape]), trainable, name))
  })
  const byTensor = new Map<ModelTensor, Variable>()
  tensors.forEach((tensor, index) => {
    const variable = variables[index]
    if (variable !== undefined) byTensor.set(tensor, variable)
  })
  const variable = (tensor: ModelTensor): Variable => {
    const found = byTensor.get(tensor)
    if (found === undefined)
      throw new PeergradError('internal', `model: a layer uses "${tensor.name}" and does not declare it`)
    return found
  }
  return { tensors, variables, forward: (x, training) => apply(x, { tf, training, variable }) }
}
