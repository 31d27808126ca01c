import { PeergradError, type Dataset, type PluginReference } from '@peergrad/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

import { fromLayersModel } from './layers-model.js'
import type { Model, ModelFactory } from './model.js'
import type { Running } from '../backends/backend.js'
import { loadPlugin } from '../plugins.js'

/** Builds what a reference names for a data set, on a back end that runs in this thread. */
export async function loadModel(reference: PluginReference, running: Running, dataset: Dataset): Promise<Model> {
  const build = (await loadPlugin('model', reference)) as ReturnType<ModelFactory>
  if (typeof build !== 'function') {
    const message = `model: ${reference.module} gave no function of { tf, layers, shape, classes }`
    throw new PeergradError('argument', message)
  }
  const { tf, layers } = running
  const { shape, classes } = dataset
  const built = await build({ tf, layers: () => layers(), shape, classes })
  const model = isLayersModel(built) ? fromLayersModel(tf, built, dataset, false) : built
  checkOutput(model, running, dataset)
  return model
}

function isLayersModel(model: Model | LayersModel): model is LayersModel {
  return 'layers' in model && 'apply' in model
}

/** Error `shape` when the model does not give a score for each class. */
function checkOutput(model: Model, { tf }: Running, { shape, classes }: Dataset): void {
  const output = tf.tidy(() => model.forward(tf.zeros([2, ...shape]), false).shape)
  if (output.length === 2 && output[0] === 2 && output[1] === classes) return
  const message = `model: got an output of shape [${output.join(', ')}] for two samples`
  throw new PeergradError('shape', `${message}, expected [2, ${classes}]: one score for each class`)
}
