import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena, type CheckpointPosition, type Layout, type RunManifest, type Vector } from '@peergrad/core'
import { type NamedVector } from '@peergrad/peer'
import { memoryStore } from '@peergrad/store'
import { onTestFinished } from 'vitest'

export const LAYOUT: Layout = {
  slots: [
    { name: 'dense/kernel', shape: [2, 3], offset: 0, length: 6 },
    { name: 'dense/bias', shape: [3], offset: 6, length: 3 },
    { name: 'norm/moving_mean', shape: [3], offset: 9, length: 3 }
  ],
  parameters: 9,
  buffers: 3
}

export const MANIFEST: RunManifest = {
  version: 6,
  maxNorm: 0,
  grace: 2000,
  onFailure: 'continue',
  model: 'mlp',
  dataset: 'mnist',
  partition: 'iid',
  strategy: 'spirt',
  aggregator: 'mean',
  preAggregators: [],
  filter: 'none',
  codec: 'f32',
  optimiser: { name: 'momentum', learningRate: 0.1, momentum: 0.9 },
  schedule: 'constant',
  workerMomentum: 0,
  batch: 4,
  minibatches: 2,
  every: 1,
  epochs: 1,
  rounds: 12,
  targetAccuracy: 0,
  seed: 1,
  peers: 2,
  minPeers: 1,
  deadline: 5000,
  admission: 'open'
}

export function positionOf(round: number, manifest: RunManifest = MANIFEST): CheckpointPosition {
  const members = ['peerAAAAAAAAAAAA', 'peerBBBBBBBBBBBB']
  return {
    run: 'f'.repeat(64),
    manifest,
    round,
    hash: 'e'.repeat(64),
    step: round,
    data: { epoch: 0, start: 0, changes: [{ round: 0, members: [...members] }] },
    view: { number: 0, members },
    accuracy: 0.5,
    finished: false,
    lineage: { founder: members[0]!, founded: 1_700_000_000_000 }
  }
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Numbers that differ from place to place and from seed to seed. */
export function fill(vector: Vector, seed: number): Vector {
  vector.forEach((_, index) => (vector[index] = seed * (index + 0.5)))
  return vector
}

/** Model and velocity. */
export function vectorsOf(seed: number): NamedVector[] {
  const arena = Arena.create({ bytes: 1 << 16 })
  return [12, 9].map((length, index) => {
    const vector = fill(arena.allocate(length), seed * (index + 1))
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
    return { name: index === 0 ? 'model' : 'optimiser.0', vector, digest: sha256(bytes) }
  })
}

export async function store() {
  const arena = Arena.create({ bytes: 1 << 20 })
  const clock = { now: () => 0, wall: () => 0, after: () => () => {} }
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const opened = await memoryStore({ arena, clock, logger })
  onTestFinished(() => opened.close())
  return opened
}

/** A folder that is gone when the test is over. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-checkpoint-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function flip(file: string, byte: number, bit = 0): Promise<void> {
  const bytes = await readFile(file)
  bytes[byte]! ^= 1 << bit
  await writeFile(file, bytes)
}
