import { dirname, join } from 'node:path'
import { Arena, layoutLength, type Options } from '@peergrad/core'
import { createEngine, loadDataset } from '@peergrad/engine'
import { CheckpointReader, findCheckpoint } from '@peergrad/peer'
import { cacheDirectory } from './compose.js'
import { MODEL } from './files.js'
import { say } from './output/print.js'
import { datasetHere } from './peer/data-here.js'
import { peerOf } from './resume.js'

/**
 * Writes the model of a checkpoint as a LayersModel of tfjs. Its manifest says which model and data set that is.
 * Resolves to the path of the model.json. Errors: those of `findCheckpoint`, of loading the data set, and of
 * `saveLayersModel`.
 */
export async function exportCheckpoint(path: string, options: Options): Promise<string> {
  const { file, skipped } = await findCheckpoint(path)
  for (const each of skipped) say(`peergrad: ${each}; it takes ${file}`)
  const reader = await CheckpointReader.open(file)
  try {
    const { run, manifest, round } = reader.position
    const name = datasetHere(manifest.dataset, options.data)
    const dataset = await loadDataset(name, { cacheDirectory: cacheDirectory(options), report: say })
    const arena = Arena.create({ bytes: options.memory * 2 ** 20 })
    const engine = await createEngine({ backend: 'cpu', model: manifest.model, dataset, arena, workers: 1 })
    try {
      reader.checkLayout(engine.layout)
      const state = arena.allocate(layoutLength(engine.layout))
      await reader.read(reader.vectors[0], state)
      const out = options.out ?? join(peerOf(file) ?? dirname(file), MODEL)
      return await engine.saveLayersModel({ state, directory: out, about: { run, round } })
    } finally {
      await engine.close()
    }
  } finally {
    await reader.close()
  }
}
