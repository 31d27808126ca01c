import { PeergradError } from '@peergrad/core'
import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { SymbolicTensor } from '@tensorflow/tfjs-layers'

import { describe, type LayerOfTfjs, type WeightOfTfjs } from './describe.js'
import type { LayersModelDescription, Model, ModelComponents, ModelTensor } from './model.js'
import type { Tf, TfLayers } from '../tf.js'

/** Shape of one sample, without the batch. */
export type Shape = readonly number[]

/** One forward pass. */
export interface Pass {
  readonly tf: Tf
  readonly training: boolean
  /** the value of a tensor that this layer declared */
  variable(tensor: ModelTensor): Variable
}

/** Builds the same model of layers of tfjs. */
export interface Translation {
  readonly layers: TfLayers['layers']
  /** What a layer of tfjs makes of `x`. Its weights, in its order, are these tensors. */
  apply(layer: LayerOfTfjs, x: SymbolicTensor | SymbolicTensor[], tensors?: readonly ModelTensor[]): SymbolicTensor
}

/** A layer for one input shape. */
export interface Layer {
  readonly output: Shape
  readonly tensors: readonly ModelTensor[]
  apply(x: Tensor, pass: Pass): Tensor
  /** The same as layers of tfjs, which evaluates as `apply` does. */
  translate(x: SymbolicTensor, to: Translation): SymbolicTensor
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
      apply: (x, pass) => layers.reduce((value, layer) => layer.apply(value, pass), x),
      translate: (x, to) => layers.reduce((value, layer) => layer.translate(value, to), x)
    }
  }
}

/** A layer as a model, with a variable for each of its tensors. */
export function modelOf({ tf, shape }: Pick<ModelComponents, 'tf' | 'shape'>, build: Build): Model {
  const layer = build(shape)
  const { tensors, apply } = layer
  // without their names, which layers of tfjs register for their own
  const variables = tensors.map((tensor) => tf.tidy(() => tf.variable(tf.zeros([...tensor.shape]), tensor.trainable)))
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
  return {
    tensors,
    variables,
    forward: (x, training) => apply(x, { tf, training, variable }),
    describe: (layers) => translated(layer, shape, layers)
  }
}

function translated(layer: Layer, shape: Shape, { input, layers, model }: TfLayers): LayersModelDescription {
  const numbers = new Map<WeightOfTfjs, number>()
  const inputs = input({ shape: [...shape] })
  const outputs = layer.translate(inputs, {
    layers,
    apply(made, x, tensors = []) {
      const output = made.apply(x) as SymbolicTensor
      made.weights.forEach((weight, index) => numbers.set(weight, layer.tensors.indexOf(tensors[index])))
      return output
    }
  })
  const whole = model({ inputs, outputs })
  try {
    return describe(whole, (weight) => numbers.get(weight) ?? -1)
  } finally {
    whole.dispose()
  }
}
