import type * as core from '@tensorflow/tfjs-core'
import type * as layers from '@tensorflow/tfjs-layers'

/**
 * tfjs as a back end brings it. Models get it handed in and import none themselves: two copies of tfjs do not know
 * each other's tensors, and @tensorflow/tfjs-node brings its own.
 */
export type Tf = typeof core
export type TfLayers = typeof layers
