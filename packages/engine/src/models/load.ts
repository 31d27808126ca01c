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

import { initialiserFault } from './initialise.js'
import { fromLayersModel } from './layers-model.js'
import { lengthOf, type Model, type ModelFactory } from './model.js'
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

/** The model, whose errors say whose they are. Error `argument` for a member that it lacks, or that is not whole. */
function namingItself(who: string, model: Model): Model {
  checkShape<Pick<Model, 'tensors' | 'variables' | 'forward'>>(who, model, {
    tensors: list,
    variables: list,
    forward: fn
  })
  const { tensors, variables } = model
  ofPlugin(who, () => checkTensors(who, model))
  return {
    tensors,
    variables,
    forward: (x, training) => ofPlugin(who, () => model.forward(x, training)),
    ...(model.describe && { describe: model.describe.bind(model) })
  }
}

/** Error `argument` for a tensor of which the engine would not write all: a start or a gradient that is left as memory was. */
function checkTensors(who: string, { tensors, variables }: Model): void {
  const refuse = (message: string) => new PeergradError('argument', `${who}: ${message}`, { plugin: who })
  if (variables.length !== tensors.length) {
    throw refuse(`got ${variables.length} variables of ${tensors.length} tensors, expected one of each`)
  }
  for (const [k, { name, shape, initialise }] of tensors.entries()) {
    const got = variables[k]?.shape ?? []
    if (got.join() !== shape.join()) {
      throw refuse(`tensor "${name}": got a variable of shape [${got.join(', ')}], expected [${shape.join(', ')}]`)
    }
    const fault = initialiserFault(initialise, lengthOf(shape))
    if (fault !== undefined) throw refuse(`tensor "${name}": ${fault}`)
  }
}

/** Error `shape` when the model does not give a score for each class. */
function checkOutput(model: Model, { tf }: Running, { shape, classes }: Dataset): void {
  const output = tf.tidy(() => model.forward(tf.zeros([2, ...shape]), false).shape)
  if (output.length === 2 && output[0] === 2 && output[1] === classes) return
  const message = `model: got an output of shape [${output.join(', ')}] for two samples`
  throw new PeergradError('shape', `${message}, expected [2, ${classes}]: one score for each class`)
}
