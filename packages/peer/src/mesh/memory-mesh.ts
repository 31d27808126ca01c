import {
  BEAT_LIMIT,
  Emitter,
  PeergradError,
  TELL_LIMIT,
  type Digest,
  type FetchReport,
  type FetchRequest,
  type LinkStatistics,
  type Mesh,
  type MeshEvents,
  type Offence,
  type PeerId,
  type Vector
} from '@peergrad/core'
import { deferred, orAborted } from '../deferred.js'
import { Reputation } from '../network/reputation.js'
import { checkControl, checkLength } from './check-length.js'
import { CLOSED, settled, type Connection } from './memory-connections.js'
import type { MemoryFabric, Station } from './memory-fabric.js'
import type { MemoryHost } from './memory-host.js'
import { MemoryLinks } from './memory-links.js'
import { MemoryTensors, type MemoryTensorsInit } from './memory-tensors.js'

/** Milliseconds that a dial waits for a link that is blocked. */
const DIAL_TIMEOUT = 5000

/** A peer's mesh in memory. */
export class MemoryMesh extends Emitter<MeshEvents> implements Mesh, Station {
  readonly self: PeerId
  readonly host: MemoryHost
  readonly connections = new Map<PeerId, Connection>()
  readonly contacts = new Set<PeerId>()
  readonly tensors: MemoryTensors
  readonly counts = new MemoryLinks()
  readonly offences: { peer: PeerId; offence: Offence }[] = []
  readonly #fabric: MemoryFabric
  readonly #reputation: Reputation

  constructor(host: MemoryHost, fabric: MemoryFabric, watch: MemoryTensorsInit['watch']) {
    super()
    this.self = host.peer
    this.host = host
    this.#fabric = fabric
    this.#reputation = new Reputation(() => host.clock.now())
    const served: MemoryTensorsInit['served'] = ({ to, digest, bytes }) =>
      this.emit('served', { peer: to, digest, bytes })
    const report: MemoryTensorsInit['report'] = (peer, offence) => this.report(peer, offence)
    this.tensors = new MemoryTensors({ station: this, fabric, report, watch, served })
  }

  async addresses(): Promise<string[]> {
    return [`/memory/${this.self}`]
  }

  async dial(address: string, { signal }: { signal?: AbortSignal } = {}): Promise<PeerId> {
    const peer = address.slice(address.lastIndexOf('/') + 1)
    const other = this.#fabric.get(peer)
    if (other === undefined) throw new PeergradError('unreachable', `nobody is at ${address}`)
    // the others hand out their peers, so that one address is enough
    for (const known of [peer, ...other.connections.keys()]) if (known !== this.self) this.#meet(known)
    if (!this.connections.has(peer)) await this.#appears(peer, address, signal)
    return peer
  }

  connected(): readonly PeerId[] {
    return [...this.connections.keys()]
  }

  async announce(payload: Uint8Array): Promise<void> {
    checkControl(payload)
    await this.#awake()
    this.#fabric.announce(this, payload)
  }

  beat(payload: Uint8Array): void {
    checkLength('beat', payload, BEAT_LIMIT)
    this.host.run(() => this.#fabric.beat(this, payload))
  }

  tell(peer: PeerId, payload: Uint8Array): void {
    checkLength('tell', payload, TELL_LIMIT)
    this.host.run(() => this.#fabric.tell(this, peer, payload))
  }

  open(envelope: Uint8Array): { readonly from: PeerId; readonly payload: Uint8Array } {
    return this.#fabric.envelopes.open(envelope)
  }

  async request(
    peer: PeerId,
    payload: Uint8Array,
    { deadline, signal }: { deadline: number; signal?: AbortSignal }
  ): Promise<Uint8Array> {
    checkControl(payload)
    await this.#awake()
    const connection = this.#fabric.connections.of(this, peer)
    const answer = deferred<Uint8Array>()
    const cancel = this.host.after(deadline, () =>
      answer.reject(new PeergradError('timeout', `${peer} did not answer within ${deadline} ms`))
    )
    const other = connection.other(this) as MemoryMesh
    const bytes = payload.slice()
    this.counts.of(peer).controlBytesSent += bytes.byteLength
    this.#fabric.connections.stream(connection, this, () =>
      other.#onRequest(this.self, bytes, connection, (given) => {
        if (given instanceof Error) return answer.reject(given)
        this.counts.of(peer).controlBytesReceived += given.byteLength
        answer.resolve(given)
      })
    )
    return settled(connection, this, answer, signal).finally(cancel)
  }

  admit(peers: readonly PeerId[]): void {
    this.tensors.admit(peers)
  }

  serve(digest: Digest, vector: Vector): void {
    this.tensors.serve(digest, vector)
  }

  unserve(digest: Digest): Promise<void> {
    return this.tensors.unserve(digest)
  }

  async fetch(request: FetchRequest): Promise<FetchReport> {
    await this.#awake()
    return this.tensors.fetch(request)
  }

  links(): readonly LinkStatistics[] {
    for (const peer of this.connections.keys()) {
      this.counts.of(peer).roundTripMilliseconds = this.#fabric.links.roundTrip(this.self, peer)
    }
    return this.counts.list()
  }

  report(peer: PeerId, offence: Offence): void {
    if (peer === this.self) return
    this.offences.push({ peer, offence })
    if (!this.#reputation.report(peer, offence)) return
    this.emit('expelled', { peer })
    this.host.after(0, () => this.#hangUp(peer))
  }

  refuses(peer: PeerId): boolean {
    return this.#reputation.excluded(peer)
  }

  /** What was sent arrives, then the others see the connections close. */
  async close(): Promise<void> {
    this.#fabric.end(this, 'closed')
  }

  opened(peer: PeerId): void {
    this.emit('connect', { peer })
  }

  closed(peer: PeerId): void {
    this.emit('disconnect', { peer })
  }

  onMessage(from: PeerId, payload: Uint8Array, envelope: Uint8Array): void {
    if (this.refuses(from)) return
    this.counts.of(from).controlBytesReceived += payload.byteLength
    this.emit('message', { from, payload, envelope })
  }

  onBeat(from: PeerId, payload: Uint8Array): void {
    this.counts.of(from).controlBytesReceived += payload.byteLength
    this.emit('beat', { from, payload })
  }

  onTold(from: PeerId, payload: Uint8Array): void {
    if (this.refuses(from)) return
    this.counts.of(from).controlBytesReceived += payload.byteLength
    this.emit('told', { from, payload })
  }

  #onRequest(
    from: PeerId,
    payload: Uint8Array,
    connection: Connection,
    answer: (given: Uint8Array | Error) => void
  ): void {
    const back = (given: Uint8Array | Error) => this.#fabric.connections.stream(connection, this, () => answer(given))
    this.counts.of(from).controlBytesReceived += payload.byteLength
    this.emit('request', {
      from,
      payload,
      envelope: payload,
      respond: (given) => {
        this.counts.of(from).controlBytesSent += given.byteLength
        back(given.slice())
      },
      refuse: back
    })
  }

  /** The connection is closed, and none is made again. */
  #hangUp(peer: PeerId): void {
    this.contacts.delete(peer)
    this.#fabric.connections.cut(this, peer)
  }

  /** Connects if that can be done at once; else as soon as it can. */
  #meet(peer: PeerId): void {
    const other = this.#fabric.get(peer)
    this.contacts.add(peer)
    if (other === undefined || this.connections.get(peer)?.other(this) === other) return
    if (this.#fabric.connections.reachable(this, other)) this.#fabric.connections.open(this, other)
  }

  async #appears(peer: PeerId, address: string, signal?: AbortSignal): Promise<void> {
    const there = deferred<void>()
    const off = this.on('connect', (event) => event.peer === peer && there.resolve())
    const cancel = this.host.after(DIAL_TIMEOUT, () =>
      there.reject(new PeergradError('unreachable', `${address} did not answer within ${DIAL_TIMEOUT} ms`))
    )
    try {
      await (signal === undefined ? there.promise : orAborted(there.promise, signal))
    } finally {
      off()
      cancel()
    }
  }

  /** Code of a stopped process does not get past this until it goes on, and that of a killed one never. */
  #awake(): Promise<void> | undefined {
    if (this.host.running) return undefined
    if (this.host.closed) throw new PeergradError('aborted', CLOSED)
    return new Promise((resolve) => this.host.run(resolve))
  }
}
