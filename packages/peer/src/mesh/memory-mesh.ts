import {
  BEAT_LIMIT,
  CONTROL_LIMIT,
  Emitter,
  PeergradError,
  type Clock,
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
import { checkPart } from '../network/part.js'

export interface MemoryNetworkInit {
  readonly clock: Clock
  /** milliseconds that a message takes from one peer to another; 0 unless given */
  readonly latency?: (from: PeerId, to: PeerId) => number
}

/**
 * A network inside one process: the same contract as the real one, with the clock in hand and peers that can be
 * killed. Messages are copied, vectors too, as a wire would.
 */
export class MemoryNetwork {
  readonly #init: MemoryNetworkInit
  readonly #meshes = new Map<PeerId, MemoryMesh>()

  constructor(init: MemoryNetworkInit) {
    this.#init = init
  }

  /** A new peer, connected to nobody. */
  join(self: PeerId): Mesh & { readonly offences: readonly { peer: PeerId; offence: Offence }[] } {
    const mesh = new MemoryMesh(self, this)
    this.#meshes.set(self, mesh)
    return mesh
  }

  /** The peer stops at once: nothing that it sent later arrives, and the others see its connections close. */
  kill(peer: PeerId): void {
    const mesh = this.#meshes.get(peer)
    this.#meshes.delete(peer)
    mesh?.cut()
  }

  get(peer: PeerId): MemoryMesh | undefined {
    return this.#meshes.get(peer)
  }

  /** Runs `arrive` at the receiver after the latency, if both are still there. */
  deliver(from: PeerId, to: PeerId, arrive: (receiver: MemoryMesh) => void): void {
    this.#init.clock.after(this.latency(from, to), () => {
      const receiver = this.#meshes.get(to)
      if (receiver !== undefined && this.#meshes.has(from)) arrive(receiver)
    })
  }

  latency(from: PeerId, to: PeerId): number {
    return this.#init.latency?.(from, to) ?? 0
  }

  after(delay: number, callback: () => void): () => void {
    return this.#init.clock.after(delay, callback)
  }
}

interface Served {
  readonly vector: Vector
  readers: number
  readonly idle: (() => void)[]
}

class MemoryMesh extends Emitter<MeshEvents> implements Mesh {
  readonly self: PeerId
  readonly offences: { peer: PeerId; offence: Offence }[] = []
  readonly #network: MemoryNetwork
  readonly #connected = new Set<PeerId>()
  readonly #links = new Map<PeerId, { -readonly [K in keyof LinkStatistics]: LinkStatistics[K] }>()
  readonly #served = new Map<Digest, Served>()
  readonly #pending = new Map<PeerId, Set<(error: PeergradError) => void>>()
  #admitted: ReadonlySet<PeerId> = new Set()

  constructor(self: PeerId, network: MemoryNetwork) {
    super()
    this.self = self
    this.#network = network
  }

  async addresses(): Promise<string[]> {
    return [`/memory/${this.self}`]
  }

  async dial(address: string): Promise<PeerId> {
    const peer = address.slice(address.lastIndexOf('/') + 1)
    const other = this.#network.get(peer)
    if (other === undefined) throw new PeergradError('unreachable', `nobody is at ${address}`)
    // the others hand out their peers, so that one address is enough
    for (const known of [peer, ...other.connected()]) if (known !== this.self) this.#connect(known)
    return peer
  }

  connected(): readonly PeerId[] {
    return [...this.#connected]
  }

  async announce(payload: Uint8Array): Promise<void> {
    checkControl(payload)
    for (const peer of this.#connected) {
      this.#link(peer).controlBytesSent += payload.byteLength
      this.#network.deliver(this.self, peer, (receiver) => receiver.#onMessage(this.self, payload.slice()))
    }
  }

  beat(payload: Uint8Array): void {
    if (payload.byteLength > BEAT_LIMIT) {
      throw new PeergradError('argument', `beat: got ${payload.byteLength} bytes, expected at most ${BEAT_LIMIT}`)
    }
    for (const peer of this.#connected) {
      this.#link(peer).controlBytesSent += payload.byteLength
      this.#network.deliver(this.self, peer, (receiver) => receiver.#onBeat(this.self, payload.slice()))
    }
  }

  async request(
    peer: PeerId,
    payload: Uint8Array,
    { deadline, signal }: { deadline: number; signal?: AbortSignal }
  ): Promise<Uint8Array> {
    checkControl(payload)
    if (!this.#connected.has(peer)) throw new PeergradError('unreachable', `${peer} is not connected`)
    const answer = deferred<Uint8Array>()
    const cancel = this.#network.after(deadline, () =>
      answer.reject(new PeergradError('timeout', `${peer} did not answer within ${deadline} ms`))
    )
    return this.#waitFor(peer, answer, signal, () => {
      this.#network.deliver(this.self, peer, (receiver) =>
        receiver.emit('request', {
          from: this.self,
          payload: payload.slice(),
          envelope: payload,
          respond: (bytes) => this.#network.deliver(peer, this.self, () => answer.resolve(bytes.slice())),
          refuse: (error) => this.#network.deliver(peer, this.self, () => answer.reject(error))
        })
      )
    }).finally(cancel)
  }

  admit(peers: readonly PeerId[]): void {
    this.#admitted = new Set(peers)
  }

  serve(digest: Digest, vector: Vector): void {
    this.#served.set(digest, { vector, readers: 0, idle: [] })
  }

  async unserve(digest: Digest): Promise<void> {
    const served = this.#served.get(digest)
    this.#served.delete(digest)
    if (served === undefined || served.readers === 0) return
    const idle = deferred<void>()
    served.idle.push(idle.resolve)
    await idle.promise
  }

  async fetch({ digest, bytes, offset = 0, from, into, signal }: FetchRequest): Promise<FetchReport> {
    checkPart({ bytes, offset, length: into.byteLength })
    let failure = new PeergradError('missing', `${digest}: nobody was named who holds it`)
    for (const peer of from) {
      try {
        await this.#read(peer, digest, { bytes, offset, into }, signal)
        return { from: peer, milliseconds: 0, lane: 'memory' }
      } catch (thrown) {
        failure = PeergradError.from(thrown)
        if (signal?.aborted === true) break
      }
    }
    throw failure
  }

  links(): readonly LinkStatistics[] {
    return [...this.#links.values()]
  }

  report(peer: PeerId, offence: Offence): void {
    this.offences.push({ peer, offence })
  }

  async close(): Promise<void> {
    this.#network.kill(this.self)
  }

  /** The process is gone. */
  cut(): void {
    for (const peer of this.#connected) {
      const other = this.#network.get(peer)
      if (other !== undefined) other.#disconnect(this.self)
      this.#disconnect(peer)
    }
  }

  #connect(peer: PeerId): void {
    const other = this.#network.get(peer)
    if (other === undefined || this.#connected.has(peer)) return
    this.#connected.add(peer)
    other.#connected.add(this.self)
    this.emit('connect', { peer })
    other.emit('connect', { peer: this.self })
  }

  #disconnect(peer: PeerId): void {
    if (!this.#connected.delete(peer)) return
    for (const fail of this.#pending.get(peer) ?? []) fail(new PeergradError('unreachable', `${peer} is gone`))
    this.emit('disconnect', { peer })
  }

  #onMessage(from: PeerId, payload: Uint8Array): void {
    this.#link(from).controlBytesReceived += payload.byteLength
    this.emit('message', { from, payload, envelope: payload })
  }

  #onBeat(from: PeerId, payload: Uint8Array): void {
    this.#link(from).controlBytesReceived += payload.byteLength
    this.emit('beat', { from, payload })
  }

  async #read(
    peer: PeerId,
    digest: Digest,
    { bytes, offset, into }: { bytes: number; offset: number; into: Vector },
    signal?: AbortSignal
  ): Promise<void> {
    if (!this.#connected.has(peer)) throw new PeergradError('unreachable', 'not connected')
    const done = deferred<void>()
    await this.#waitFor(peer, done, signal, () => {
      this.#network.deliver(this.self, peer, (holder) => {
        const served = holder.#served.get(digest)
        const refuse = (error: PeergradError) => this.#network.deliver(peer, this.self, () => done.reject(error))
        if (!holder.#admitted.has(this.self)) return refuse(new PeergradError('refused', 'not admitted'))
        if (served === undefined) return refuse(new PeergradError('missing', 'it does not hold it'))
        if (served.vector.byteLength !== bytes)
          return refuse(new PeergradError('corrupt', 'another length than announced'))
        served.readers += 1
        // the reader may be gone by then, and the read is over all the same
        this.#network.after(this.#network.latency(peer, this.self), () => {
          served.readers -= 1
          if (served.readers === 0) for (const idle of served.idle) idle()
          if (!this.#connected.has(peer)) return
          into.set(served.vector.subarray(offset / 4, offset / 4 + into.length))
          this.#link(peer).tensorBytesReceived += into.byteLength
          holder.#link(this.self).tensorBytesSent += into.byteLength
          holder.emit('served', { peer: this.self, digest, bytes: into.byteLength })
          done.resolve()
        })
      })
    })
  }

  async #waitFor<T>(
    peer: PeerId,
    answer: { promise: Promise<T>; reject(error: unknown): void },
    signal: AbortSignal | undefined,
    start: () => void
  ): Promise<T> {
    let pending = this.#pending.get(peer)
    if (pending === undefined) this.#pending.set(peer, (pending = new Set()))
    pending.add(answer.reject)
    try {
      start()
      return await (signal === undefined ? answer.promise : orAborted(answer.promise, signal))
    } finally {
      pending.delete(answer.reject)
    }
  }

  #link(peer: PeerId) {
    let link = this.#links.get(peer)
    if (link === undefined) {
      link = {
        peer,
        roundTripMilliseconds: undefined,
        throughput: undefined,
        tensorBytesSent: 0,
        tensorBytesReceived: 0,
        controlBytesSent: 0,
        controlBytesReceived: 0
      }
      this.#links.set(peer, link)
    }
    return link
  }
}

function checkControl(payload: Uint8Array): void {
  if (payload.byteLength > CONTROL_LIMIT) {
    throw new PeergradError(
      'argument',
      `control message: got ${payload.byteLength} bytes, expected at most ${CONTROL_LIMIT}`
    )
  }
}
