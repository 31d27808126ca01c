import type { Digest, PeerId, Phase, PhasePlaces, PhaseTimes, RunEvent, RunManifest } from '@peergrad/core'
import type { PeerOutcome, PeerStatus, RunResult } from './outcome.js'
import { Losses } from './losses.js'
import type { Usage } from './protocol.js'
import { Timings } from './suggested.js'

const COMPUTING: readonly Phase[] = ['compute']
const COMMUNICATING: readonly Phase[] = ['wait', 'fetch', 'agree', 'sync']
const AGGREGATING: readonly Phase[] = ['store', 'average', 'aggregate', 'update']

/** What is known of one peer from its events so far. */
export interface PeerTally {
  readonly id: PeerId
  status: PeerStatus | 'running'
  /** last round that ended, −1 before the first */
  round: number
  rounds: number
  phase: string
  loss: number | undefined
  accuracy: number | undefined
  bytesSent: number
  bytesReceived: number
  /** known when it has ended as a peer ends */
  usage: Usage | undefined
  parametersHash: Digest | null
  readonly phases: Partial<Record<Phase, number>>
  /** samples and end of the last rounds, for a rate */
  readonly recent: { readonly time: number; readonly samples: number }[]
}

/** Rounds over which a rate is taken. */
const WINDOW = 20

/** Sums over the events of a run: what the screen shows while it goes on, and the result when it is over. */
export class Tally {
  readonly peers = new Map<PeerId, PeerTally>()
  manifest: RunManifest | undefined
  run = ''
  engine = ''
  engineWhy = ''
  store = ''
  denseInStore = false
  phasePlaces: PhasePlaces | undefined
  readonly #checkpoints = new Map<PeerId, string>()
  readonly #timings = new Timings()
  readonly #losses = new Losses()
  #members: readonly PeerId[] = []
  #view = -1
  #steps = 0
  /** bytes of all contributions, and of the same with nothing left out */
  readonly #packed = { bytes: 0, whole: 0 }
  #first = Infinity
  #last = 0
  #evaluation: Extract<RunEvent, { type: 'evaluated' }> | undefined

  add(event: RunEvent): void {
    const peer = this.#peer(event.peer)
    switch (event.type) {
      case 'started':
        this.run = event.run
        this.manifest = event.manifest
        this.engine = event.engine
        this.engineWhy = event.engineWhy
        this.denseInStore = event.denseInStore
        this.phasePlaces = event.phasePlaces
        this.store = event.store
        return
      case 'view':
        this.#first = Math.min(this.#first, event.time)
        if (event.number <= this.#view) return
        this.#view = event.number
        // one that left keeps its rank, so the first view is what ranks the peers of the result
        this.#members = [...this.#members, ...event.members.filter((member) => !this.#members.includes(member))]
        return
      case 'phase':
        peer.phase = event.phase
        return
      case 'round':
        this.#last = Math.max(this.#last, event.time)
        this.#steps = Math.max(this.#steps, event.steps)
        this.#timings.add(event.phases)
        this.#losses.add(event.round, event.loss)
        if (event.packed !== undefined) {
          this.#packed.bytes += event.packed.bytes
          this.#packed.whole += event.packed.whole
        }
        return addRound(peer, event)
      case 'evaluated':
        peer.accuracy = event.accuracy
        // an estimate of the last round may come after the evaluation of its model
        if (this.#evaluation?.last !== true && event.round >= (this.#evaluation?.round ?? 0)) this.#evaluation = event
        return
      case 'checkpoint':
        this.#checkpoints.set(event.peer, event.file)
        return
      case 'finished':
        ends(peer, 'finished')
        peer.parametersHash = event.parametersHash
        return
      case 'excluded':
        return ends(this.#peer(event.other), 'excluded')
      case 'left':
        return ends(peer, 'left')
    }
  }

  /** What a peer used in its whole life. */
  used(id: PeerId, usage: Usage): void {
    const { bytesSent, bytesReceived } = usage
    Object.assign(this.#peer(id), { bytesSent, bytesReceived, usage })
  }

  /** How a process ended that did not say so itself. */
  ended(id: PeerId, status: PeerStatus): void {
    const peer = this.#peer(id)
    if (peer.status === 'running') peer.status = status
    if (peer.status !== 'finished') peer.phase = peer.status
  }

  /** Whether all that finished hold the same parameters. */
  get agreed(): boolean {
    const hashes = [...this.peers.values()]
      .filter(({ status }) => status === 'finished')
      .map((peer) => peer.parametersHash)
    return new Set(hashes).size <= 1
  }

  result(): RunResult {
    const peers = [...this.peers.values()].map((peer) => outcome(peer, this.#members.indexOf(peer.id)))
    peers.sort((a, b) => a.rank - b.rank)
    const rounds = Math.max(0, ...[...this.peers.values()].map(({ round }) => round + 1))
    return {
      run: this.run,
      strategy: this.manifest?.strategy ?? '',
      aggregator: this.manifest?.aggregator ?? '',
      preAggregators: this.manifest?.preAggregators ?? [],
      dataset: this.manifest?.dataset ?? '',
      model: this.manifest?.model ?? '',
      engine: this.engine,
      engineWhy: this.engineWhy,
      engineWorkers: null,
      store: this.store,
      denseInStore: this.denseInStore,
      phasePlaces: this.phasePlaces ?? null,
      rounds,
      steps: this.#steps,
      seconds: Math.max(0, this.#last - this.#first) / 1000,
      accuracy: this.#evaluation?.accuracy ?? null,
      loss: this.#evaluation?.loss ?? null,
      evaluatedSamples: this.#evaluation?.samples ?? 0,
      evaluated: this.#evaluation?.last === true,
      trainingLoss: this.#losses.result,
      agreed: this.agreed,
      // all hold the same: any will do, but always the same one
      checkpoint: peers.map(({ id }) => this.#checkpoints.get(id)).find((file) => file !== undefined) ?? null,
      suggested: this.#timings.suggested ?? null,
      contributions: {
        ...this.#packed,
        saved: this.#packed.whole > 0 ? 1 - this.#packed.bytes / this.#packed.whole : 0
      },
      peers
    }
  }

  #peer(id: PeerId): PeerTally {
    let peer = this.peers.get(id)
    if (peer === undefined) {
      peer = {
        id,
        status: 'running',
        round: -1,
        rounds: 0,
        phase: 'starting',
        loss: undefined,
        accuracy: undefined,
        bytesSent: 0,
        bytesReceived: 0,
        usage: undefined,
        parametersHash: null,
        phases: {},
        recent: []
      }
      this.peers.set(id, peer)
    }
    return peer
  }
}

/** Samples a second of the whole run, as this peer saw its last rounds; undefined before there are two. */
export function rate({ recent }: PeerTally): number | undefined {
  const first = recent[0]
  const last = recent.at(-1)
  if (first === undefined || last === undefined || last.time <= first.time) return undefined
  const samples = recent.slice(1).reduce((sum, each) => sum + each.samples, 0)
  return (samples * 1000) / (last.time - first.time)
}

/** Whatever an excluded peer says then, it is excluded. */
function ends(peer: PeerTally, status: PeerStatus): void {
  if (peer.status !== 'excluded') peer.status = status
  peer.phase = peer.status
}

function addRound(peer: PeerTally, event: Extract<RunEvent, { type: 'round' }>): void {
  peer.round = Math.max(peer.round, event.round)
  peer.rounds += 1
  peer.loss = event.loss
  peer.bytesSent += event.bytesSent
  peer.bytesReceived += event.bytesReceived
  peer.parametersHash = event.parametersHash
  for (const [phase, milliseconds] of Object.entries(event.phases) as [Phase, number][]) {
    peer.phases[phase] = (peer.phases[phase] ?? 0) + milliseconds
  }
  peer.recent.push({ time: event.time, samples: event.samples })
  if (peer.recent.length > WINDOW) peer.recent.shift()
}

function outcome(peer: PeerTally, rank: number): PeerOutcome {
  return {
    id: peer.id,
    rank,
    // a peer of a run on another machine is not ours to judge; here every process has ended
    status: peer.status === 'running' ? 'died' : peer.status,
    rounds: peer.rounds,
    parametersHash: peer.parametersHash,
    bytesSent: peer.bytesSent,
    bytesReceived: peer.bytesReceived,
    tensorBytesSent: peer.usage?.tensorBytesSent ?? null,
    tensorBytesReceived: peer.usage?.tensorBytesReceived ?? null,
    peakMemoryBytes: peer.usage?.peakMemoryBytes ?? null,
    secondsComputing: seconds(peer.phases, COMPUTING),
    secondsCommunicating: seconds(peer.phases, COMMUNICATING),
    secondsAggregating: seconds(peer.phases, AGGREGATING),
    secondsByPhase: Object.fromEntries(
      Object.entries(peer.phases).map(([phase, milliseconds]) => [phase, milliseconds / 1000])
    )
  }
}

function seconds(phases: PhaseTimes, which: readonly Phase[]): number {
  return which.reduce((sum, phase) => sum + (phases[phase] ?? 0), 0) / 1000
}
