import { createHash } from 'node:crypto'
import {
  Arena,
  filterOf,
  loadFactory,
  loadPlugin,
  parseSchedule,
  PeergradError,
  processClock,
  resolvePlugin,
  unmetCondition,
  virtualClock,
  type Disguise,
  type GradientStore,
  type Mesh,
  type ProcessClock,
  type RunEvent,
  type RunManifest,
  type Strategy,
  type VirtualClock
} from '@peergrad/core'
import {
  loadCheckpoint,
  MemoryNetwork,
  quadraticEngine,
  resumedFrom,
  runPeer,
  Swarm,
  type Credentials,
  type PeerResult
} from '@peergrad/peer'
import { MemoryStore, spawnInline } from '@peergrad/store'
import { aggregators, codecs, filters, preAggregators, strategies } from '@peergrad/strategies'

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export const MANIFEST: RunManifest = {
  version: 6,
  model: 'quadratic',
  dataset: 'none',
  partition: 'iid',
  strategy: 'spirt',
  aggregator: 'mean',
  preAggregators: [],
  filter: 'auto',
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
  peers: 4,
  minPeers: 0,
  deadline: 5000,
  grace: 2000,
  onFailure: 'continue',
  maxNorm: 0,
  admission: 'open'
}

/** One life of a peer: a peer that was killed and came back has two. */
export interface SimulatedPeer {
  readonly name: string
  readonly clock: ProcessClock
  readonly mesh: Mesh
  readonly store: GradientStore
  /** what happened at it, with the virtual time */
  readonly events: (RunEvent & { readonly at: number })[]
  readonly result: Promise<PeerResult>
  readonly leave: AbortController
  readonly stop: AbortController
}

export interface SimulationInit {
  /** milliseconds that a message takes; 1 unless given */
  readonly latency?: (from: string, to: string) => number
  /** bytes of tensors a second that a peer can send, and that it can receive; no limit unless given */
  readonly bandwidth?: number
  /** of the network's chances */
  readonly seed?: number
  /** makes each peer's strategy, in the place of the one that the manifest names */
  readonly strategy?: () => Strategy
}

export interface StartOptions {
  /** whom to join through, in this order; everybody who ever was unless given, and nobody makes a founder */
  readonly via?: readonly string[]
  /** that the gradients of a round take */
  readonly milliseconds?: number
  readonly manifest?: RunManifest
  readonly disguise?: Disguise
  /** what it has to prove that it may take part */
  readonly credentials?: Credentials
  /** milliseconds that its time of day is wrong */
  readonly skew?: number
  /** where its checkpoints go, one every five rounds; it writes none unless given */
  readonly checkpoints?: string
  /** file of the checkpoint that it comes back with */
  readonly resume?: string
}

/** Peers of one run on a network in memory, under a virtual clock. */
export class Simulation {
  readonly clock: VirtualClock = virtualClock()
  readonly network: MemoryNetwork
  readonly manifest: RunManifest
  /** those that live */
  readonly peers = new Map<string, SimulatedPeer>()
  /** all that ever were, in the order in which they were started */
  readonly lives: SimulatedPeer[] = []
  readonly #create: (() => Strategy) | undefined
  readonly #stop = new AbortController()
  readonly #suspended = new Map<SimulatedPeer, { readonly promise: Promise<void>; resolve(): void }>()
  /** work under way that takes no virtual time */
  #outside = 0
  /** peers that may read or write files, which takes none either */
  #files = 0

  constructor(manifest: Partial<RunManifest> = {}, { latency = () => 1, strategy, ...init }: SimulationInit = {}) {
    this.#create = strategy
    this.manifest = { ...MANIFEST, ...manifest }
    this.network = new MemoryNetwork({ clock: this.clock, latency, ...init })
  }

  /** Starts a peer; the first one founds the run, the others join it. */
  start(name: string, options: StartOptions = {}): SimulatedPeer {
    const { via = this.#others(name), milliseconds = 20, manifest, disguise = {}, skew = 0 } = options
    const { checkpoints, resume, credentials } = options
    const files = Number(checkpoints !== undefined || resume !== undefined)
    const clock = processClock(this.clock, { skew })
    const joined = this.network.join(name, { clock })
    const mesh = disguise.mesh?.(joined) ?? joined
    const events: SimulatedPeer['events'] = []
    const leave = new AbortController()
    const stop = new AbortController()
    const arena = Arena.create({ bytes: 4 << 20 })
    const honest = new MemoryStore({ arena, clock }, spawnInline(sha256))
    const store = disguise.store?.(honest) ?? honest
    const silent = { debug() {}, info() {}, warn() {}, error() {} }
    const run = async () => {
      const architecture = await this.#load(this.#strategy())
      const strategy = disguise.strategy?.(architecture, this.manifest) ?? architecture
      const engine = quadraticEngine({ clock, milliseconds: milliseconds / (strategy.steps ?? 1) })
      const optimiser = strategy.outer ?? this.manifest.optimiser
      const loading = { store, layout: engine.layout, manifest: this.manifest, optimiser }
      const resumed = resume === undefined ? undefined : await resumedFrom(resume)
      const swarm = new Swarm({
        mesh,
        clock,
        logger: silent,
        join: via.map((other) => `/memory/${other}`),
        sha256,
        ...(credentials && { credentials }),
        ...((via.length === 0 || manifest) && { manifest: manifest ?? this.manifest }),
        ...(resumed && { resumed })
      })
      await swarm.find({ deadline: 10_000, signal: this.#stop.signal })
      const codec = await this.#load(this.#codec())
      // all that peers load later is loaded by then: that takes real time, and no virtual
      const sieve = filterOf(strategy, codec.codec, this.manifest)
      const filter = sieve === undefined ? undefined : resolvePlugin(filters, sieve)
      if (filter !== undefined) await this.#load(loadPlugin('filter', filter))
      const rule = resolvePlugin(aggregators, this.manifest.aggregator)
      const aggregator = await this.#load(loadPlugin('aggregator', rule))
      const before = this.manifest.preAggregators.map((each) => resolvePlugin(preAggregators, each))
      const chain = await this.#load(Promise.all(before.map((each) => loadPlugin('pre-aggregator', each))))
      return runPeer({
        swarm,
        engine: disguise.engine?.(engine) ?? engine,
        store,
        strategy,
        aggregator: rule,
        trials: aggregator.trials,
        takes: (contributions) => unmetCondition(chain, aggregator, contributions) === undefined,
        preAggregators: before,
        ...(filter !== undefined && { filter }),
        ...(this.manifest.codec !== 'f32' && { codec }),
        partition: (shards) =>
          Array.from({ length: shards }, (_, shard) =>
            Uint32Array.from({ length: 240 / shards }, (_, i) => i * shards + shard)
          ),
        schedule: parseSchedule(this.manifest.schedule),
        clock,
        logger: silent,
        emit: (event) => {
          if (this.peers.get(name) === peer) events.push({ ...event, at: this.clock.now() })
        },
        ...(checkpoints !== undefined && { checkpoints: { directory: checkpoints, every: 5 } }),
        ...(resume !== undefined && { resume: await loadCheckpoint(resume, loading) }),
        evaluateEvery: 0,
        evaluateSamples: 10,
        patience: 60_000,
        leave: leave.signal,
        stop: stop.signal,
        signal: this.#stop.signal
      })
    }
    this.#files += files
    // a process whose work is over ends, and its connections with it
    const result = run().finally(() => {
      this.#files -= files
      if (this.peers.get(name) === peer) void joined.close()
    })
    result.catch(() => {})
    const peer = { name, clock, mesh, store: honest, events, result, leave, stop }
    this.peers.set(name, peer)
    this.lives.push(peer)
    return peer
  }

  startAll(disguises: Record<number, Disguise> = {}): SimulatedPeer[] {
    return Array.from({ length: this.manifest.peers }, (_, index) =>
      this.start(peerName(index), { disguise: disguises[index] })
    )
  }

  /** The process is gone without a word, and none of its code runs on. */
  kill(name: string): void {
    this.network.kill(name)
    this.peers.get(name)?.clock.drop()
    this.peers.delete(name)
  }

  /** The process stands still, as after SIGSTOP. */
  suspend(name: string): void {
    const peer = this.peers.get(name)
    if (peer === undefined || this.#suspended.has(peer)) return
    let resolve = () => {}
    const promise = new Promise<void>((done) => (resolve = done))
    this.#suspended.set(peer, { promise, resolve })
    peer.clock.stop()
    this.network.stop(name)
  }

  /** It goes on: first its timers come, then what arrived meanwhile. */
  resume(name: string): void {
    const peer = this.peers.get(name)
    if (peer === undefined) return
    this.#suspended.get(peer)?.resolve()
    this.#suspended.delete(peer)
    peer.clock.resume()
    this.network.resume(name)
  }

  isSuspended(name: string): boolean {
    const peer = this.peers.get(name)
    return peer !== undefined && this.#suspended.has(peer)
  }

  /** What code of this life must wait for before it runs on: nothing, that it is resumed, or for ever. */
  runs(life: SimulatedPeer): Promise<void> | undefined {
    if (this.peers.get(life.name) !== life) return new Promise(() => {})
    return this.#suspended.get(life)?.promise
  }

  /** Moves time on until the promise settles, from one callback to the next, letting all that can run do so between. */
  async until<T>(promise: Promise<T>, options?: { limit?: number }): Promise<T> {
    let settled = false
    void promise.then(
      () => (settled = true),
      () => (settled = true)
    )
    await this.when(() => settled, options)
    return promise
  }

  /** Moves time on until the condition holds. */
  async when(condition: () => boolean, { limit = 600_000 }: { limit?: number } = {}): Promise<void> {
    const end = this.clock.now() + limit
    for (;;) {
      await this.#quiet()
      if (condition()) return
      const { next } = this.clock
      if (next === undefined) throw late(`nothing more happens after ${this.clock.now()} virtual ms`)
      if (next > end) throw late(`nothing after ${limit} virtual ms`)
      this.clock.step()
    }
  }

  async results(): Promise<PeerResult[]> {
    return this.until(Promise.all([...this.peers.values()].map(({ result }) => result)))
  }

  stop(): void {
    this.#stop.abort()
  }

  /** All promises that can go on have done so. */
  async #quiet(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve))
    while (this.#outside > 0 || (this.#files > 0 && process.getActiveResourcesInfo().some(isFileWork)))
  }

  async #load<T>(work: Promise<T>): Promise<T> {
    this.#outside += 1
    try {
      return await work
    } finally {
      this.#outside -= 1
    }
  }

  #others(name: string): string[] {
    return [...new Set(this.lives.map((life) => life.name))].filter((other) => other !== name)
  }

  /** A new one for each peer: it may keep something from round to round. */
  async #strategy(): Promise<Strategy> {
    if (this.#create !== undefined) return this.#create()
    const { options, ...reference } = resolvePlugin(strategies, this.manifest.strategy)
    const { minibatches } = this.manifest
    const create = await loadFactory('strategy', { ...reference, options: { minibatches, ...options } })
    return create()
  }

  async #codec() {
    const reference = resolvePlugin(codecs, this.manifest.codec)
    return { reference, codec: await loadPlugin('codec', reference) }
  }
}

function late(message: string): PeergradError {
  return new PeergradError('timeout', message)
}

function isFileWork(resource: string): boolean {
  return resource.startsWith('FSReq') || resource === 'CloseReq'
}

export function peerName(index: number): string {
  return `peer${String.fromCharCode(65 + index).repeat(12)}`
}
