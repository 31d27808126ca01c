import type { LayersModel } from '@tensorflow/tfjs-layers'

import type { LayersModelDescription } from './model.js'

export type LayerOfTfjs = LayersModel['layers'][number]
export type WeightOfTfjs = LayerOfTfjs['weights'][number]

/** What a model's files say of it, with the number of the tensor of ours that each of its weights is. */
export function describe(model: LayersModel, tensorOf: (weight: WeightOfTfjs) => number): LayersModelDescription {
  return {
    // as an object, and not as a text
    topology: model.toJSON(null, false) as object,
    weights: model.weights.map((weight) => ({ name: weight.originalName, tensor: tensorOf(weight) }))
  }
}
