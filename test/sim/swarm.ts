import { createHash } from 'node:crypto'
import {
  Arena,
  resolvePlugin,
  type CodecFactory,
  type Engine,
  type GradientStore,
  type Mesh,
  type RunEvent,
  type RunManifest,
  type Strategy,
  type StrategyFactory
} from '@peergrad/core'
import { MemoryNetwork, runPeer, Swarm, type PeerResult } from '@peergrad/peer'
import { MemoryStore, serve, type Spawn } from '@peergrad/store'
import { aggregators, codecs, strategies } from '@peergrad/strategies'
import { quadraticEngine } from '../utils/quadratic-engine.js'
import { virtualClock, type VirtualClock } from '../utils/virtual-clock.js'

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** The store's compute worker on the same thread, so that a simulation has no thread but its own. */
const inline: Spawn = (boot, on) => {
  const answer = serve(boot, { post: (message) => on.answer(message), sha256 })
  return { post: (call) => void answer(call), terminate: async () => {} }
}

export const MANIFEST: RunManifest = {
  version: 2,
  model: 'quadratic',
  dataset: 'none',
  partition: 'iid',
  strategy: 'spirt',
  aggregator: 'mean',
  preAggregators: [],
  filter: 'none',
  codec: 'f32',
  optimiser: { name: 'momentum', learningRate: 0.1, momentum: 0.9 },
  schedule: 'constant',
  batch: 4,
  minibatches: 2,
  epochs: 1,
  rounds: 12,
  targetAccuracy: 0,
  seed: 1,
  peers: 4,
  minPeers: 0,
  deadline: 5000,
  grace: 2000,
  onFailure: 'continue',
  admission: 'open'
}

/** What a hostile peer puts in the place of honest parts. */
export interface Disguise {
  readonly mesh?: (honest: Mesh) => Mesh
  readonly store?: (honest: GradientStore) => GradientStore
  readonly engine?: (honest: Engine) => Engine
}

export interface SimulatedPeer {
  readonly name: string
  readonly mesh: Mesh
  readonly events: RunEvent[]
  readonly result: Promise<PeerResult>
  readonly leave: AbortController
}

/** Peers of one run on a network in memory, under a virtual clock. */
export class Simulation {
  readonly clock: VirtualClock = virtualClock()
  readonly network: MemoryNetwork
  readonly manifest: RunManifest
  readonly peers = new Map<string, SimulatedPeer>()
  readonly #stop = new AbortController()

  constructor(manifest: Partial<RunManifest> = {}, latency: (from: string, to: string) => number = () => 1) {
    this.manifest = { ...MANIFEST, ...manifest }
    this.network = new MemoryNetwork({ clock: this.clock, latency })
  }

  /** Starts a peer; the first one founds the run, the others join through it or through `via`. */
  start(
    name: string,
    {
      via = 'peerAAAAAAAAAAAA',
      milliseconds = 20,
      manifest,
      disguise = {}
    }: { via?: string; milliseconds?: number; manifest?: RunManifest; disguise?: Disguise } = {}
  ): SimulatedPeer {
    const { clock } = this
    const mesh = disguise.mesh?.(this.network.join(name)) ?? this.network.join(name)
    const events: RunEvent[] = []
    const leave = new AbortController()
    const arena = Arena.create({ bytes: 4 << 20 })
    const honest = new MemoryStore({ arena, clock }, inline)
    const store = disguise.store?.(honest) ?? honest
    const founder = this.peers.size === 0
    const silent = { debug() {}, info() {}, warn() {}, error() {} }
    const swarm = new Swarm({
      mesh,
      clock,
      logger: silent,
      join: founder ? [] : [`/memory/${via}`],
      sha256,
      ...((founder || manifest) && { manifest: manifest ?? this.manifest })
    })
    const run = async () => {
      await swarm.find({ deadline: 10_000, signal: this.#stop.signal })
      return runPeer({
        swarm,
        engine: disguise.engine?.(quadraticEngine({ clock, milliseconds })) ?? quadraticEngine({ clock, milliseconds }),
        store,
        strategy: await this.#strategy(),
        aggregator: resolvePlugin(aggregators, this.manifest.aggregator),
        ...(this.manifest.codec !== 'f32' && { codec: await this.#codec() }),
        partition: (shards) =>
          Array.from({ length: shards }, (_, shard) =>
            Uint32Array.from({ length: 240 / shards }, (_, i) => i * shards + shard)
          ),
        schedule: { name: 'constant' },
        clock,
        logger: silent,
        emit: (event) => events.push(event),
        evaluateEvery: 0,
        evaluateSamples: 10,
        patience: 60_000,
        leave: leave.signal,
        stop: new AbortController().signal,
        signal: this.#stop.signal
      })
    }
    const result = run()
    result.catch(() => {})
    const peer = { name, mesh, events, result, leave }
    this.peers.set(name, peer)
    return peer
  }

  startAll(disguises: Record<number, Disguise> = {}): SimulatedPeer[] {
    return Array.from({ length: this.manifest.peers }, (_, index) =>
      this.start(peerName(index), { disguise: disguises[index] })
    )
  }

  kill(name: string): void {
    this.network.kill(name)
    this.peers.delete(name)
  }

  /** Moves time on until the promise settles, letting everything that is due run in between. */
  async until<T>(promise: Promise<T>, { limit = 600_000 }: { limit?: number } = {}): Promise<T> {
    let settled = false
    void promise.then(
      () => (settled = true),
      () => (settled = true)
    )
    const end = this.clock.now() + limit
    while (!settled && this.clock.now() < end) {
      await turn()
      this.clock.advance(1)
    }
    if (!settled) throw new Error(`nothing after ${limit} virtual ms`)
    return promise
  }

  /** Moves time on until the condition holds. */
  async when(condition: () => boolean, options?: { limit?: number }): Promise<void> {
    let met = () => {}
    const promise = new Promise<void>((resolve) => (met = resolve))
    const check = () => {
      if (condition()) met()
      else this.clock.after(1, check)
    }
    check()
    await this.until(promise, options)
  }

  async results(): Promise<PeerResult[]> {
    return this.until(Promise.all([...this.peers.values()].map(({ result }) => result)))
  }

  stop(): void {
    this.#stop.abort()
  }

  async #strategy(): Promise<Strategy> {
    const reference = resolvePlugin(strategies, this.manifest.strategy)
    const module = (await import(reference.module)) as Record<string, StrategyFactory>
    return module[reference.export]({ minibatches: this.manifest.minibatches })
  }

  async #codec() {
    const reference = resolvePlugin(codecs, this.manifest.codec)
    const module = (await import(reference.module)) as Record<string, CodecFactory>
    return { reference, codec: module[reference.export]({}) }
  }
}

export function peerName(index: number): string {
  return `peer${String.fromCharCode(65 + index).repeat(12)}`
}

/** Lets all promises that can go on do so. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
