import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { PeergradError } from '@peergrad/core'
import type { io } from '@tensorflow/tfjs-core'

import { fromLayersModel } from './layers-model.js'
import type { ModelFactory } from './model.js'
import { checkOptions, text } from '../options.js'

/**
 * A tfjs LayersModel from the `model.json` at `path`, with its weight files beside it. Its weights are where training
 * starts; a file without weights starts by its layers' initialisers. Errors: `missing`, `corrupt`.
 */
export const file: ModelFactory = (options) => {
  checkOptions('file', options, ['path'])
  const path = resolve(text('file', options, 'path', 'the path of a model.json'))
  if (!existsSync(path)) {
    throw new PeergradError('missing', `model: there is no file ${path}, expected the model.json of tfjs`, { path })
  }
  return async ({ tf, layers, shape }) => {
    const artifacts = await read(path)
    const { loadLayersModel } = await layers()
    const model = await loadLayersModel({ load: () => Promise.resolve(artifacts) }).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new PeergradError('corrupt', `model: ${path} is no LayersModel: ${why}`, { path }, { cause })
    })
    return fromLayersModel(tf, model, { shape }, artifacts.weightData !== undefined)
  }
}

async function read(path: string): Promise<io.ModelArtifacts> {
  const json = parse(path, await bytes(path))
  const manifest = json.weightsManifest ?? []
  if (manifest.length === 0) return { modelTopology: json.modelTopology }
  const shards = await Promise.all(
    manifest.flatMap(({ paths }) => paths.map((name) => bytes(join(dirname(path), name))))
  )
  const weightData = Buffer.concat(shards)
  return {
    modelTopology: json.modelTopology,
    weightSpecs: manifest.flatMap(({ weights }) => weights),
    weightData: weightData.buffer.slice(weightData.byteOffset, weightData.byteOffset + weightData.byteLength)
  }
}

async function bytes(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw new PeergradError('missing', `model: cannot read ${path}`, { path }, { cause })
  })
}

function parse(path: string, content: Buffer): io.ModelJSON {
  try {
    const json = JSON.parse(content.toString()) as io.ModelJSON
    if (json.modelTopology !== undefined) return json
  } catch {
    // told below
  }
  throw new PeergradError('corrupt', `model: ${path} is no model.json of a tfjs LayersModel (no modelTopology)`, {
    path
  })
}
