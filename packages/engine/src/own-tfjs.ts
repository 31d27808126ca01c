import { createRequire } from 'node:module'
import type * as wasm from '@tensorflow/tfjs-backend-wasm'
import type { Tf, TfLayers } from './tf.js'

/**
 * The tfjs that is installed with us, loaded as the CommonJS that it is: `import` of CommonJS reads each file several
 * times, to learn what it is and what it exports, and of tfjs's megabytes that is most of what a worker's start costs.
 */
const require = createRequire(import.meta.url)

export const tf = require('@tensorflow/tfjs-core') as Tf

/** It brings the gradients of tfjs's operations too, which tfjs-core alone has not. */
export const tfLayers = require('@tensorflow/tfjs-layers') as TfLayers

export const loadCpu = () => void require('@tensorflow/tfjs-backend-cpu')

export const loadWasm = () => require('@tensorflow/tfjs-backend-wasm') as typeof wasm
