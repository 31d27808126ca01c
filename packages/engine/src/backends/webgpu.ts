import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { PeergradError } from '@peergrad/core'
import type { KernelBackend } from '@tensorflow/tfjs-core'

import type { Availability, Backend, Running } from './backend.js'
import { findPackage, requireFrom, requirePackage, type InstalledPackage } from './packages.js'
import { uploadCopy } from './transfer.js'
import type { Tf, TfLayers } from '../tf.js'

const BACKEND = '@tensorflow/tfjs-backend-webgpu'
const DAWN = 'webgpu'
const INSTALL = `run: npm install ${BACKEND}@4.22.0 ${DAWN}`

/** what tfjs's shaders need more of than WebGPU's defaults give */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension'
] as const

/** A GPU of any vendor through Dawn's binding for Node. */
export const webgpu: Backend = {
  name: 'webgpu',
  probe(): Availability {
    const backend = findPackage(BACKEND)
    const dawn = findPackage(DAWN)
    if (backend === undefined || dawn === undefined) {
      const missing = [backend === undefined ? [BACKEND] : [], dawn === undefined ? [DAWN] : []].flat().join(' and ')
      return { available: false, why: `no ${missing}; ${INSTALL}` }
    }
    return { available: true, version: backend.version, why: 'a GPU through WebGPU' }
  },
  async start(asked) {
    try {
      return await start(asked)
    } catch (thrown) {
      if (thrown instanceof PeergradError) throw thrown
      const message = thrown instanceof Error ? thrown.message : String(thrown)
      throw unsupported(message.split('\n')[0] ?? message, thrown)
    }
  }
}

async function start(asked: boolean): Promise<Running> {
  const backend = findPackage(BACKEND)
  const dawn = findPackage(DAWN)
  if (backend === undefined || dawn === undefined) throw unsupported(`it is not installed; ${INSTALL}`)
  const tf = requireFrom(backend, '@tensorflow/tfjs-core') as Tf
  const layers = await layersOf(backend)
  // before there is a navigator.gpu, or it registers a back end of its own and ours is ignored
  const { WebGPUBackend } = requirePackage(backend) as WebGPUPackage
  const { adapter, device } = await openDevice(dawn, asked)
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info))
  await tf.setBackend('webgpu')
  await tf.ready()
  return {
    tf,
    layers: () => Promise.resolve(layers),
    upload: uploadCopy(tf),
    download: async (tensor, into) => into.set(await tensor.data<'float32'>()),
    close: () => device.destroy()
  }
}

interface WebGPUPackage {
  readonly WebGPUBackend: new (device: GPUDevice, info: GPUAdapterInfo) => KernelBackend
}

/** Dawn's binding, npm `webgpu`. */
interface Dawn {
  create(flags: string[]): GPU
  readonly globals: Readonly<Record<string, unknown>>
}

async function openDevice(dawn: InstalledPackage, asked: boolean): Promise<{ adapter: GPUAdapter; device: GPUDevice }> {
  const entry = createRequire(join(dawn.directory, 'package.json')).resolve(dawn.directory)
  const { create, globals } = (await import(pathToFileURL(entry).href)) as Dawn
  const gpu = create([])
  Object.assign(globalThis, globals)
  if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true })
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true })
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) {
    throw unsupported('Dawn finds no GPU; it needs a Vulkan loader (Debian: apt-get install libvulkan1) and a driver')
  }
  if (!asked && isSoftware(adapter)) {
    throw unsupported(`the only device is ${adapter.info.description || adapter.info.vendor}, which is software`)
  }
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]))
  return { adapter, device: await adapter.requestDevice({ requiredLimits }) }
}

function isSoftware({ info }: GPUAdapter): boolean {
  return /swiftshader|llvmpipe|lavapipe|software/i.test(`${info.vendor} ${info.architecture} ${info.description}`)
}

/** tfjs-layers beside the back end, or ours; it also brings the gradients of tfjs's operations. */
async function layersOf(backend: InstalledPackage): Promise<TfLayers> {
  try {
    return requireFrom(backend, '@tensorflow/tfjs-layers') as TfLayers
  } catch {
    return import('@tensorflow/tfjs-layers')
  }
}

function unsupported(why: string, cause?: unknown): PeergradError {
  return new PeergradError('unsupported', `engine: webgpu cannot run here: ${why}`, { backend: 'webgpu' }, { cause })
}
