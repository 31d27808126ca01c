import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { makeDirectory, PeergradError, type Vector } from '@peergrad/core'
import type { io } from '@tensorflow/tfjs-core'

import type { LayersModelFile } from '../worker/protocol.js'

const WEIGHTS = 'weights.bin'

/** The two files of a LayersModel of tfjs, the one that names the other last. Resolves to its path. */
export async function writeLayersModel(
  directory: string,
  { topology, weights }: LayersModelFile,
  state: Vector,
  metadata: object
): Promise<string> {
  const specs = weights.map(({ name, shape }) => ({ name, shape: [...shape], dtype: 'float32' as const }))
  const json: io.ModelJSON = {
    format: 'layers-model',
    generatedBy: 'peergrad',
    convertedBy: null,
    modelTopology: topology,
    weightsManifest: [{ paths: [WEIGHTS], weights: specs }],
    userDefinedMetadata: { peergrad: metadata }
  }
  const { buffer, byteOffset } = state
  const values = weights.map(({ offset, length }) => new Uint8Array(buffer, byteOffset + offset * 4, length * 4))
  try {
    makeDirectory(directory)
  } catch (cause) {
    unwritten(directory, cause)
  }
  await writeWhole(join(directory, WEIGHTS), values)
  const path = join(directory, 'model.json')
  await writeWhole(path, [Buffer.from(JSON.stringify(json))])
  return path
}

async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const unfinished = `${path}.unfinished`
  try {
    const file = await open(unfinished, 'w')
    try {
      for (const part of parts) await file.writeFile(part)
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    unwritten(path, cause)
  }
}

function unwritten(path: string, cause: unknown): never {
  const full = cause instanceof Error && 'code' in cause && ['ENOSPC', 'EDQUOT'].includes(String(cause.code))
  const why = full
    ? 'the disk is full'
    : `it cannot be written (${cause instanceof Error ? cause.message : String(cause)})`
  throw new PeergradError(full ? 'full' : 'argument', `model ${path}: ${why}`, { path }, { cause })
}
