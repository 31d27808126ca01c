import type { Layout, TensorSlot } from '@peergrad/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Tensor, Variable } from '@tensorflow/tfjs-core'

import type { Initialiser } from './initialise.js'
import type { Tf, TfLayers } from '../tf.js'

/** One tensor of a model: what it is called, its shape, and how it starts. */
export interface ModelTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** false for a buffer: batch-norm moving statistics, frozen weights */
  readonly trainable: boolean
  readonly initialise: Initialiser
}

/** A classifier as the engine runs it, inside a worker, on the back end's tensors. */
export interface Model {
  readonly tensors: readonly ModelTensor[]
  /** the values of `tensors`, in the same order and of the same shapes; the engine assigns them before each call */
  readonly variables: readonly Variable[]
  /**
   * Logits [n, classes] of x [n, …shape]. Pure, but for buffers: when `training`, it assigns their new values.
   * Runs inside tf.tidy.
   */
  forward(x: Tensor, training: boolean): Tensor
  /** The same as a LayersModel of tfjs, for other tools to read. Absent for a model that is not made of such layers. */
  describe?(layers: TfLayers): LayersModelDescription
}

/** A LayersModel of tfjs, without the values of its weights. */
export interface LayersModelDescription {
  /** `modelTopology` of a model.json */
  readonly topology: object
  /** its weights, in the order of its files; `tensor` counts in the model's `tensors` */
  readonly weights: readonly { readonly name: string; readonly tensor: number }[]
}

/** What a model is built from. */
export interface ModelComponents {
  readonly tf: Tf
  /** tfjs-layers of the same tfjs; loaded on demand */
  layers(): Promise<TfLayers>
  /** shape of one sample, e.g. [28, 28, 1] */
  readonly shape: readonly number[]
  readonly classes: number
}

/** A model plug-in: what a user's module exports as `default` or by name. It may give a tfjs LayersModel. */
export type ModelFactory = (
  options: Readonly<Record<string, number | string | boolean>>
) => (components: ModelComponents) => Model | LayersModel | Promise<Model | LayersModel>

/** Where each tensor lies in the flat vector: the trainable ones first, then the buffers, each in the model's order. */
export function layoutOf(tensors: readonly ModelTensor[]): Layout {
  const slots: TensorSlot[] = []
  let offset = 0
  for (const { name, shape } of inLayoutOrder(tensors)) {
    const length = lengthOf(shape)
    slots.push({ name, shape: [...shape], offset, length })
    offset += length
  }
  const trainable = tensors.filter((tensor) => tensor.trainable).length
  const parameters = slots.slice(0, trainable).reduce((sum, slot) => sum + slot.length, 0)
  return { slots, parameters, buffers: offset - parameters }
}

export function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

export function inLayoutOrder<T extends { readonly trainable: boolean }>(tensors: readonly T[]): T[] {
  return [...tensors.filter((tensor) => tensor.trainable), ...tensors.filter((tensor) => !tensor.trainable)]
}
