import {
  optimiserState,
  PeergradError,
  type CheckpointPosition,
  type CheckpointVector,
  type Digest,
  type GradientStore,
  type Layout,
  type RunManifest
} from '@peergrad/core'
import type { SwarmInit } from '../membership/swarm.js'
import { stateKeys } from '../runtime/state-sync.js'
import { checkRun } from './directory.js'
import { CheckpointReader } from './read.js'

/** The state that a peer goes on from: its vectors are in the own store, under `stateKeys(position.round, …)`. */
export interface ResumedState {
  readonly position: CheckpointPosition
  /** of the model state */
  readonly hash: Digest
}

/** What a checkpoint says of where it was in its run, without its vectors. Errors: `missing`, `corrupt`. */
export async function resumedFrom(file: string): Promise<NonNullable<SwarmInit['resumed']>> {
  const reader = await CheckpointReader.open(file)
  try {
    const { round, view, lineage } = reader.position
    return { state: { round, hash: reader.vectors[0].digest }, view, lineage }
  } finally {
    await reader.close()
  }
}

export interface LoadInit {
  readonly store: GradientStore
  readonly layout: Layout
  /** of the run that is to go on */
  readonly manifest: RunManifest
  /** store keys for vectors beyond the model state and the optimiser's, by their name in the file */
  readonly extra?: ReadonlyMap<string, string>
}

/**
 * Reads a checkpoint into the own store. Errors: `missing`, and `corrupt` when it is torn or changed; `argument` when
 * it is of another run, with the first field that differs; `shape` when it is of another model. Then nothing of it is
 * in the store.
 */
export async function loadCheckpoint(file: string, init: LoadInit): Promise<ResumedState> {
  const { store, layout, manifest, extra = new Map<string, string>() } = init
  const reader = await CheckpointReader.open(file)
  const loaded: string[] = []
  try {
    const { position } = reader
    checkRun(file, position, manifest)
    reader.checkLayout(layout)
    const [model, ...moments] = stateKeys(position.round, manifest.optimiser)
    const names = new Map([...optimiserVectors(manifest).map((name, i) => [name, moments[i]] as const), ...extra])
    const [state, ...others] = reader.vectors
    const wanted = [...names].map(([name, key]) => {
      const vector = others.find((each) => each.name === name)
      const fits = vector !== undefined && (!moments.includes(key) || vector.length === layout.parameters)
      if (fits) return [vector, key] as const
      const got = vector === undefined ? 'no vector' : `${vector.length} floats as`
      const expected = moments.includes(key) ? `${layout.parameters} floats` : 'one'
      const message = `checkpoint ${file}: got ${got} "${name}", expected ${expected} for this run`
      throw new PeergradError('shape', message, { file, name })
    })
    for (const [vector, key] of [[state, model] as const, ...wanted]) {
      await loadVector(reader, vector, store, key)
      loaded.push(key)
    }
    return { position, hash: state.digest }
  } catch (thrown) {
    await store.delete(loaded)
    throw thrown
  } finally {
    await reader.close()
  }
}

/** What the optimiser's vectors are called in a checkpoint. */
export function optimiserVectors({ optimiser }: RunManifest): string[] {
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
