import {
  random,
  type Arena,
  type Clock,
  type Disguise,
  type Engine,
  type RunManifest,
  type Vector
} from '@peergrad/core'
import { quadraticEngine } from '@peergrad/peer'
import type { PeerSettings } from './protocol.js'

/** Training samples of the engines that need no data. */
const SAMPLES = 4096
/** Floats of the model that a flat engine takes its time from. */
const SMALL = 8

export interface EngineParts {
  readonly engine: Engine
  readonly partition: (shards: number) => readonly Uint32Array[]
}

export async function openEngine(
  settings: PeerSettings,
  { manifest, arena, clock, disguise }: { manifest: RunManifest; arena: Arena; clock: Clock; disguise: Disguise }
): Promise<EngineParts> {
  if (settings.engine === 'wasm') return wasm(manifest, arena, disguise)
  if (disguise.dataset !== undefined) throw new Error(`an attack on data was given to the engine ${settings.engine}`)
  const { length, milliseconds } = settings
  const engine = settings.engine === 'flat' ? flatEngine : quadraticEngine
  return { engine: engine({ clock, length, milliseconds }), partition: dealt }
}

function dealt(shards: number): readonly Uint32Array[] {
  const each = Math.floor(SAMPLES / shards)
  return Array.from({ length: shards }, (_, shard) => Uint32Array.from({ length: each }, (_, i) => i * shards + shard))
}

/**
 * The same bowl for large vectors: its target is the same in every dimension and so is the noise, which costs a
 * nanosecond for each instead of a hundred.
 */
function flatEngine({ clock, length, milliseconds }: { clock: Clock; length: number; milliseconds: number }): Engine {
  const small = quadraticEngine({ clock, length: SMALL, milliseconds })
  const slots = [{ name: 'weights', shape: [length], offset: 0, length }]
  return {
    ...small,
    name: 'flat',
    layout: { slots, parameters: length, buffers: 0 },
    async gradient({ state, minibatch, into, signal }) {
      const scratch = () => new Float32Array(new SharedArrayBuffer(SMALL * 4)) as Vector
      await small.gradient({ state: scratch(), into: scratch(), minibatch, ...(signal && { signal }) })
      const target = 0.5 + 0.1 * random(minibatch.seed).normal()
      for (let i = 0; i < length; i++) into[i] = state[i] - target
      return { loss: (state[0] - 0.5) ** 2, samples: minibatch.samples.length, milliseconds }
    },
    async evaluate() {
      return { loss: 0, accuracy: 0, samples: 1 }
    },
    async initialise(seed, into) {
      const stream = random(seed, 'initialise')
      for (let i = 0; i < length; i++) into[i] = i % 1000 === 0 ? stream.normal() : into[i - 1]
    }
  }
}

async function wasm(manifest: RunManifest, arena: Arena, disguise: Disguise): Promise<EngineParts> {
  // dozens of peers that do not need it start faster without
  const { createEngine, createPartitioner, loadDataset } = await import('@peergrad/engine')
  const honest = await loadDataset(manifest.dataset, { cacheDirectory: '' })
  const dataset = disguise.dataset?.(honest, manifest) ?? honest
  const engine = await createEngine({ backend: 'wasm', model: manifest.model, dataset, arena, workers: 1 })
  const partitioner = await createPartitioner(manifest.partition)
  const { train, classes } = honest
  const partition = (shards: number) =>
    partitioner.partition({ labels: train.labels, classes, shards, random: random(manifest.seed, 'partition') })
  return { engine, partition }
}
