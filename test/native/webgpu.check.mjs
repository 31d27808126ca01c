// In a worker thread: registers tfjs's webgpu back end on a device made by hand and trains a tiny model on it.
import { pathToFileURL } from 'node:url'
import { workerData } from 'node:worker_threads'
import { requireFrom } from './setup.mjs'
import { check } from './tiny-model.mjs'

const require = requireFrom(workerData.folder)
const tf = require('@tensorflow/tfjs-core')
tf.enableProdMode() // no advice to install tfjs-node
require('@tensorflow/tfjs-layers') // registers the gradients, which tfjs-core alone does not
require('@tensorflow/tfjs-backend-cpu')
// Before `navigator.gpu` is there, or it registers a back end of its own and ours is ignored.
const { WebGPUBackend } = require('@tensorflow/tfjs-backend-webgpu')

const { create, globals } = await import(pathToFileURL(require.resolve('webgpu')))
Object.assign(globalThis, globals)
const gpu = create([])
globalThis.navigator ??= {}
Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true })

const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
if (adapter === null) {
  console.error('Dawn found no adapter. It needs libvulkan.so.1 (Debian: apt-get install libvulkan1) and a driver.')
  process.exit(1)
}
const limits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension'
]
const device = await adapter.requestDevice({
  requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]]))
})
device.addEventListener('uncapturederror', ({ error }) => {
  console.error(error.message)
  process.exit(1)
})

tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info))
const report = await check(tf, 'webgpu')
console.log({
  node: process.version,
  webgpu: require('webgpu/package.json').version,
  'tfjs-backend-webgpu': require('@tensorflow/tfjs-backend-webgpu/package.json').version,
  adapter: `${adapter.info.vendor} ${adapter.info.architecture}, ${adapter.info.description}`,
  ...report
})
device.destroy()
if (!report.sound) process.exit(1)
