import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import util from 'node:util'

import { PeergradError } from '@peergrad/core'

import type { Availability, Backend, Running } from './backend.js'
import { findPackage, requirePackage, type InstalledPackage } from './packages.js'
import { downloadSync, uploadCopy } from './transfer.js'
import type { Tf, TfLayers } from '../tf.js'

const FIRST_NODE_WITHOUT_ADDON = 22

/** warnings and errors only */
const ENVIRONMENT = { TF_CPP_MIN_LOG_LEVEL: '2' }

/*
 * One worker in a process: the addon keeps attribute names in a static set without a lock, and two workers crash the
 * process now and then. TensorFlow takes all cores by itself.
 */

/** TensorFlow's C library on an NVIDIA GPU, by @tensorflow/tfjs-node-gpu. */
export const tensorflowGpu: Backend = {
  name: 'tensorflow-gpu',
  environment: ENVIRONMENT,
  mostWorkers: 1,
  probe() {
    const found = probe('@tensorflow/tfjs-node-gpu', 'TensorFlow on an NVIDIA GPU')
    if (!found.available || existsSync('/dev/nvidiactl') || process.platform === 'win32') return found
    return {
      ...found,
      available: false,
      why: '@tensorflow/tfjs-node-gpu is installed, but there is no /dev/nvidiactl: no NVIDIA driver'
    }
  },
  start: () => start('tensorflow-gpu', '@tensorflow/tfjs-node-gpu')
}

/** TensorFlow's C library on the processor, by @tensorflow/tfjs-node. */
export const tensorflow: Backend = {
  name: 'tensorflow',
  environment: ENVIRONMENT,
  mostWorkers: 1,
  probe: () => probe('@tensorflow/tfjs-node', 'TensorFlow on the processor'),
  start: () => start('tensorflow', '@tensorflow/tfjs-node')
}

function probe(name: string, what: string): Availability {
  const found = findPackage(name)
  if (found === undefined) {
    const node = Number(process.versions.node.split('.')[0])
    const hint =
      node >= FIRST_NODE_WITHOUT_ADDON
        ? `; it has no built library for Node ${node}, so take Node 20 or build it from source`
        : ''
    return { available: false, why: `${name} is not installed; run: npm install ${name}@4.22.0${hint}` }
  }
  const { version } = found
  if (hasAddon(found)) return { available: true, version, why: what }
  return {
    available: false,
    version,
    why: `${name} is installed without its library; run: npm rebuild ${name} --build-addon-from-source`
  }
}

/** Its install script fetches or builds tfjs_binding.node in a folder of lib/. */
function hasAddon({ directory }: InstalledPackage): boolean {
  const folder = join(directory, 'lib')
  if (!existsSync(folder)) return false
  return readdirSync(folder).some((name) => existsSync(join(folder, name, 'tfjs_binding.node')))
}

async function start(backend: string, name: string): Promise<Running> {
  const found = findPackage(name)
  if (found === undefined) throw new PeergradError('unsupported', probe(name, '').why, { backend })
  const tf = load(backend, found)
  await tf.setBackend('tensorflow')
  await tf.ready()
  return { tf, layers: () => Promise.resolve(tf), upload: uploadCopy(tf), download: downloadSync }
}

function load(backend: string, found: InstalledPackage): Tf & TfLayers {
  // tfjs-node 4.22 calls util.isNullOrUndefined, which Node 23 removed
  const old = util as { isNullOrUndefined?: (value: unknown) => boolean }
  old.isNullOrUndefined ??= (value) => value === null || value === undefined
  try {
    return requirePackage(found) as Tf & TfLayers
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new PeergradError('unsupported', `engine: ${found.name} does not load: ${why}`, { backend }, { cause })
  }
}
