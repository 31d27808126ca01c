import {
  optimiserState,
  PeergradError,
  type CheckpointPosition,
  type CheckpointVector,
  type GradientStore,
  type Layout,
  type OptimiserSpec,
  type RunManifest
} from '@peergrad/core'
import type { SwarmInit } from '../membership/swarm.js'
import { ownName } from '../runtime/own-vectors.js'
import { stateKeys } from '../runtime/state-sync.js'
import { checkRun } from './directory.js'
import { CheckpointReader } from './read.js'

/** The state that a peer goes on from: its vectors are in the own store, under `stateKeys(position.round, …)`. */
export interface ResumedState {
  readonly position: CheckpointPosition
  /** store keys of what the peer keeps for itself, by name */
  readonly own: ReadonlyMap<string, string>
}

/** What a checkpoint says of where it was in its run, without its vectors. Errors: `missing`, `corrupt`. */
export async function resumedFrom(file: string): Promise<NonNullable<SwarmInit['resumed']>> {
  const reader = await CheckpointReader.open(file)
  try {
    const { round, hash, view, lineage } = reader.position
    return { state: { round, hash }, view, lineage }
  } finally {
    await reader.close()
  }
}

export interface LoadInit {
  readonly store: GradientStore
  readonly layout: Layout
  /** of the run that is to go on */
  readonly manifest: RunManifest
  /** that steps the model at the end of a round */
  readonly optimiser: OptimiserSpec
}

/**
 * Reads a checkpoint into the own store. Errors: `missing`, and `corrupt` when it is torn or changed; `argument` when
 * it is of another run, with the first field that differs; `shape` when it is of another model. Then nothing of it is
 * in the store.
 */
export async function loadCheckpoint(file: string, init: LoadInit): Promise<ResumedState> {
  const { store, layout, manifest, optimiser } = init
  const reader = await CheckpointReader.open(file)
  const loaded: string[] = []
  try {
    const { position } = reader
    checkRun(file, position, manifest)
    reader.checkLayout(layout)
    const [model, ...moments] = stateKeys(position.round, optimiser)
    const [state, ...others] = reader.vectors
    const wanted = optimiserVectors(optimiser).map((name, index) => {
      const vector = others.find((each) => each.name === name)
      if (vector?.length === layout.parameters) return [vector, moments[index]] as const
      const got = vector === undefined ? 'no vector' : `${vector.length} floats as`
      const message = `checkpoint ${file}: got ${got} "${name}", expected ${layout.parameters} floats for this run`
      throw new PeergradError('shape', message, { file, name })
    })
    const own = others.flatMap((vector) => {
      const name = ownName(vector.name)
      return name === undefined ? [] : [{ name, vector, key: `own:${name}:resumed` }]
    })
    const all = [[state, model] as const, ...wanted, ...own.map(({ vector, key }) => [vector, key] as const)]
    for (const [vector, key] of all) {
      await loadVector(reader, vector, store, key)
      loaded.push(key)
    }
    return { position, own: new Map(own.map(({ name, key }) => [name, key])) }
  } catch (thrown) {
    await store.delete(loaded)
    throw thrown
  } finally {
    await reader.close()
  }
}

/** What the optimiser's vectors are called in a checkpoint. */
export function optimiserVectors(optimiser: OptimiserSpec): string[] {
  return Array.from({ length: optimiserState(optimiser) }, (_, index) => `optimiser.${index}`)
}

async function loadVector(
  reader: CheckpointReader,
  vector: CheckpointVector,
  store: GradientStore,
  key: string
): Promise<void> {
  const lease = store.lease(vector.length)
  try {
    await reader.read(vector, lease.vector)
    await store.put(key, lease)
  } catch (thrown) {
    lease.release()
    throw thrown
  }
  const { digest, firstNonFinite } = await store.verify(key)
  if (digest === vector.digest && firstNonFinite < 0) return
  await store.delete([key])
  if (digest !== vector.digest) throw reader.changed(vector)
  const message = `checkpoint ${reader.file}: value ${firstNonFinite} of "${vector.name}" is not finite, expected numbers`
  throw new PeergradError('corrupt', message, { file: reader.file })
}
