import { PeergradError, type Dataset } from '@peergrad/core'
import type { Variable } from '@tensorflow/tfjs-core'
import type { LayersModel, LayerVariable } from '@tensorflow/tfjs-layers'

import { describe } from './describe.js'
import { initialiserOf } from './layers-initialiser.js'
import type { Model, ModelTensor } from './model.js'
import type { Tf } from '../tf.js'

/** smallest probability whose logarithm is taken, as in Keras */
const EPSILON = 1e-7

type Layer = LayersModel['layers'][number]

/**
 * A tfjs LayersModel as a model of ours. Its trainable weights are parameters; all others (batch-norm statistics,
 * frozen layers) are buffers. A model that ends in softmax gives probabilities: their logarithms serve as logits.
 * Weights start by their layers' initialisers from our own random, or as they are when `given`.
 */
export function fromLayersModel(tf: Tf, model: LayersModel, { shape }: Pick<Dataset, 'shape'>, given: boolean): Model {
  checkInput(model, shape)
  const trainable = new Set<LayerVariable>(model.trainableWeights)
  const tensors: ModelTensor[] = []
  const variables: Variable[] = []
  const weights: LayerVariable[] = []
  for (const layer of innerLayers(model.layers)) {
    for (const weight of layer.weights) {
      const value = weight.read()
      if (!(value instanceof tf.Variable)) throw foreign(weight)
      variables.push(value)
      weights.push(weight)
      tensors.push({
        name: weight.name,
        shape: value.shape,
        trainable: trainable.has(weight),
        initialise: given
          ? { kind: 'values', values: Float32Array.from(value.dataSync()) }
          : initialiserOf(layer, weight)
      })
    }
  }
  const probabilities = endsInSoftmax(model)
  return {
    tensors,
    variables,
    forward(x, training) {
      const output = model.apply(x, { training })
      if (!(output instanceof tf.Tensor)) {
        throw new PeergradError('unsupported', 'model: got a model of several outputs, expected one')
      }
      return probabilities ? tf.log(tf.clipByValue(output, EPSILON, 1)) : output
    },
    describe: () => describe(model, (weight) => weights.indexOf(weight))
  }
}

/** The layers of a model, with those of the models in it. */
function innerLayers(layers: readonly Layer[]): Layer[] {
  return layers.flatMap((layer) => ('layers' in layer ? innerLayers((layer as LayersModel).layers) : [layer]))
}

function endsInSoftmax(model: LayersModel): boolean {
  const last = innerLayers(model.layers).at(-1)
  if (last === undefined) return false
  return last.getClassName() === 'Softmax' || last.getConfig()['activation'] === 'softmax'
}

function checkInput(model: LayersModel, shape: readonly number[]): void {
  const [input] = model.inputs
  const takes = input?.shape.slice(1) ?? []
  const fits = takes.length === shape.length && takes.every((size, i) => size === null || size === shape[i])
  if (model.inputs.length === 1 && fits) return
  const got = model.inputs.length === 1 ? `samples of shape [${takes.join(', ')}]` : `${model.inputs.length} inputs`
  throw new PeergradError(
    'shape',
    `model: it takes ${got}, but the data set has samples of shape [${shape.join(', ')}]`
  )
}

function foreign(weight: LayerVariable): PeergradError {
  const message = `model: "${weight.name}" belongs to another copy of tfjs`
  return new PeergradError(
    'unsupported',
    `${message}; build the model with the tf and layers that your factory is given`
  )
}
