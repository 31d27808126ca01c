// In a worker thread: loads @tensorflow/tfjs-node from the cache folder and trains a tiny model on it.
import util from 'node:util'
import { workerData } from 'node:worker_threads'
import { requireFrom } from './setup.mjs'
import { check } from './tiny-model.mjs'

// tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed.
util.isNullOrUndefined ??= (value) => value === null || value === undefined

const require = requireFrom(workerData.folder)
const core = require('@tensorflow/tfjs-core')
core.enableProdMode() // no advice to install tfjs-node
const tf = require('@tensorflow/tfjs-node')
const report = await check(core, 'tensorflow')
console.log({
  node: process.version,
  'tfjs-node': tf.version['tfjs-node'],
  TensorFlow: tf.backend().binding.TF_Version,
  oneTfjsCore: tf.conv2d === core.conv2d,
  ...report
})
if (!report.sound) process.exit(1)
