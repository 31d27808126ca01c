import {
  checkShape,
  fn,
  list,
  loadPlugin,
  ofPlugin,
  PeergradError,
  pluginError,
  pluginName,
  type Dataset,
  type PluginReference
} from '@peergrad/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

import { fromLayersModel } from './layers-model.js'
import type { Model, ModelFactory } from './model.js'
import type { Running } from '../backends/backend.js'

/** Builds what a reference names for a data set, on a back end that runs in this thread. */
export async function loadModel(reference: PluginReference, running: Running, dataset: Dataset): Promise<Model> {
  const build = (await loadPlugin('model', reference)) as ReturnType<ModelFactory>
  const { tf, layers } = running
  const { shape, classes } = dataset
  const who = `model ${pluginName(reference)}`
  let built: Model | LayersModel
  try {
    built = await build({ tf, layers: () => layers(), shape, classes })
  } catch (thrown) {
    throw pluginError(who, thrown)
  }
  const model = isLayersModel(built) ? fromLayersModel(tf, built, dataset, false) : namingItself(who, built)
  checkOutput(model, running, dataset)
  return model
}

function isLayersModel(model: unknown): model is LayersModel {
  return typeof model === 'object' && model !== null && 'layers' in model && 'apply' in model
}

/** The model, whose errors say whose they are. Error `argument` for a member that it lacks. */
function namingItself(who: string, model: Model): Model {
  checkShape<Pick<Model, 'tensors' | 'variables' | 'forward'>>(who, model, {
    tensors: list,
    variables: list,
    forward: fn
  })
  const { tensors, variables } = model
  return {
    tensors,
    variables,
    forward: (x, training) => ofPlugin(who, () => model.forward(x, training)),
    ...(model.describe && { describe: model.describe.bind(model) })
  }
}

/** Error `shape` when the model does not give a score for each class. */
function checkOutput(model: Model, { tf }: Running, { shape, classes }: Dataset): void {
  const output = tf.tidy(() => model.forward(tf.zeros([2, ...shape]), false).shape)
  if (output.length === 2 && output[0] === 2 && output[1] === classes) return
  const message = `model: got an output of shape [${output.join(', ')}] for two samples`
  throw new PeergradError('shape', `${message}, expected [2, ${classes}]: one score for each class`)
}
