import { hash } from 'node:crypto'
import {
  Arena,
  controlMessages,
  indexBytes,
  loadFactory,
  parseSchedule,
  PeergradError,
  type ControlMessage,
  type Engine,
  type GradientStore,
  type Mesh,
  type PeerId,
  type RunEvent,
  type RunManifest,
  type VirtualClock
} from '@peergrad/core'
import { MemoryNetwork, quadraticEngine, runPeer, Swarm } from '@peergrad/peer'
import { MemoryStore, spawnInline } from '@peergrad/store'
import { strategyReference, type RunParts } from '../compose.js'
import { deadlineOf } from './deadline.js'
import { bandwidthOf, latencyOf, narrowLinks, type LinkPlan } from './links.js'

export interface PeersInit {
  readonly manifest: RunManifest
  readonly parts: RunParts
  readonly links: LinkPlan
  /** floats of the model */
  readonly floats: number
  /** virtual milliseconds that a gradient takes */
  readonly compute: number
  readonly clock: VirtualClock
  readonly emit: (rank: number, event: RunEvent) => void
}

export interface SimulatedPeer {
  readonly mesh: Mesh
  /** rejects with what ended the peer */
  readonly running: Promise<unknown>
  end(): void
}

/** Memories that all stores lie in: a system has room for so many, and one for all of a thousand peers is slow. */
const ARENAS = 64
const ARENA_BYTES = 2 ** 32 - (2 << 20)
/**
 * Vectors of each peer that a store has room for, beside one for each of its minibatches, and for each other peer; and of each as
 * much of an index of parts.
 */
const VECTORS = { own: 64, each: 4 }
/** Training samples of each peer. */
const SAMPLES = 16
/** Virtual milliseconds that too few peers are waited for. */
const PATIENCE = 600_000

const OVER = new PeergradError('aborted', 'the simulation is over')

export const sha256 = (bytes: string | Uint8Array) => hash('sha256', bytes)
const ignore = () => {}
export const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/**
 * The peers of one run, that have met and are about to begin its first round: the runtime, store, strategy and rule of
 * real peers, on a network in memory. The clock stands still until somebody moves it.
 */
export async function startPeers(init: PeersInit): Promise<SimulatedPeer[]> {
  const { parts, links, clock, floats, compute, emit } = init
  const manifest = { ...init.manifest, deadline: deadlineOf(init) }
  const names = Array.from({ length: manifest.peers }, (_, rank) => nameOf(rank))
  const network = new MemoryNetwork({
    clock,
    seed: manifest.seed,
    latency: (from, to) => latencyOf(links, rankOf(from), rankOf(to)),
    bandwidth: (peer) => bandwidthOf(links, rankOf(peer))
  })
  for (const { bandwidth, isOf } of narrowLinks(links))
    network.impose({ bandwidth }, (from, to) => isOf(rankOf(from), rankOf(to)))
  const meshes = names.map((name) => network.join(name))
  for (const mesh of meshes.slice(1)) await mesh.dial(`/memory/${nameOf(0)}`)
  const founding = { view: { number: 0, members: names }, lineage: { founder: nameOf(0), founded: clock.wall() } }
  const decode = decodeOnce()
  // each peer has its own: a strategy may remember what it saw
  const strategy = await loadFactory('strategy', strategyReference(manifest.strategy, manifest))
  const stores = openStores(init)
  const partition = sharedPartition()
  return meshes.map((mesh, rank) => {
    const over = new AbortController()
    const engine: Engine = quadraticEngine({ clock, length: floats, milliseconds: compute })
    const swarm = new Swarm({ mesh, clock, logger: silent, join: [], manifest, sha256, founding, decode })
    const running = runPeer({
      ...parts,
      strategy: strategy(),
      swarm,
      engine,
      store: stores[rank] as GradientStore,
      partition,
      schedule: parseSchedule(manifest.schedule),
      clock,
      logger: silent,
      emit: (event) => emit(rank, event),
      evaluateEvery: 0,
      evaluateSamples: 1,
      patience: PATIENCE,
      leave: new AbortController().signal,
      stop: new AbortController().signal,
      signal: over.signal
    })
    return { mesh, running, end: () => over.abort(OVER) }
  })
}

export function nameOf(rank: number): PeerId {
  return `peer${String(rank).padStart(12, '0')}`
}

function rankOf(peer: PeerId): number {
  return Number(peer.slice('peer'.length))
}

/** What one peer announces comes to all others in the same bytes. */
export function decodeOnce(): (payload: Uint8Array) => ControlMessage {
  const decoded = new WeakMap<Uint8Array, ControlMessage>()
  return (payload) => {
    let message = decoded.get(payload)
    if (message === undefined) decoded.set(payload, (message = controlMessages.decode(payload)))
    return message
  }
}

function openStores({ manifest, parts, floats, clock }: PeersInit): GradientStore[] {
  const { peers } = manifest
  const together = Math.ceil(peers / ARENAS)
  const vectorBytes = Math.ceil((floats * 4) / 64) * 64
  const index = indexBytes({ index: 0, of: peers })
  const own = VECTORS.own + parts.strategy.minibatches
  const each = own * vectorBytes + VECTORS.each * peers * (vectorBytes + index)
  const bytes = Math.min(ARENA_BYTES, together * each)
  const limit = Math.floor(bytes / together)
  const spawn = spawnInline(sha256)
  let arena = Arena.create({ bytes })
  return Array.from({ length: peers }, (_, rank) => {
    if (rank > 0 && rank % together === 0) arena = Arena.create({ bytes })
    return new MemoryStore({ arena, limit, clock }, spawn)
  })
}

/** The same samples for all peers, dealt once. */
function sharedPartition(): (shards: number) => readonly Uint32Array[] {
  let dealt: readonly Uint32Array[] = []
  return (shards) => {
    if (dealt.length !== shards) {
      dealt = Array.from({ length: shards }, (_, rank) =>
        Uint32Array.from({ length: SAMPLES }, (_, i) => i * shards + rank)
      )
    }
    return dealt
  }
}
