import {
  BEAT_LIMIT,
  CONTROL_LIMIT,
  Emitter,
  PeergradError,
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
import { deferred, orAborted, type Deferred } from '../deferred.js'
import { paceWindow } from '../network/pace.js'
import { checkPart } from '../network/part.js'
import type { Connection } from './memory-connections.js'
import type { MemoryFabric, Station } from './memory-fabric.js'
import type { MemoryHost } from './memory-host.js'
import type { MemoryNetworkEvents, MemoryTransfer } from './memory-network.js'

/** Milliseconds that a dial waits for a link that is blocked. */
const DIAL_TIMEOUT = 5000
const CLOSED = 'the mesh is closed'

interface Served {
  readonly vector: Vector
  readers: number
  readonly idle: (() => void)[]
}

/** What of a vector is asked for, and how much of that has come. */
interface Part {
  readonly digest: Digest
  readonly bytes: number
  readonly offset: number
  readonly into: Vector
  /** milliseconds in which something must move */
  readonly pace: number
  done: number
}

/** A peer's mesh in memory. */
export class MemoryMesh extends Emitter<MeshEvents> implements Mesh, Station {
  readonly self: PeerId
  readonly host: MemoryHost
  readonly connections = new Map<PeerId, Connection>()
  readonly contacts = new Set<PeerId>()
  readonly offences: { peer: PeerId; offence: Offence }[] = []
  readonly #fabric: MemoryFabric
  readonly #watch: (event: keyof MemoryNetworkEvents, transfer: MemoryTransfer) => void
  readonly #links = new Map<PeerId, { -readonly [K in keyof LinkStatistics]: LinkStatistics[K] }>()
  readonly #served = new Map<Digest, Served>()
  /** what fails, and what is cut, when a connection is lost */
  readonly #pending = new Map<Connection, Set<(error: PeergradError) => void>>()
  #admitted: ReadonlySet<PeerId> = new Set()

  constructor(
    host: MemoryHost,
    fabric: MemoryFabric,
    watch: (event: keyof MemoryNetworkEvents, transfer: MemoryTransfer) => void
  ) {
    super()
    this.self = host.peer
    this.host = host
    this.#fabric = fabric
    this.#watch = watch
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
    this.#fabric.announce(this, payload, (peer) => (this.#link(peer).controlBytesSent += payload.byteLength))
  }

  beat(payload: Uint8Array): void {
    if (payload.byteLength > BEAT_LIMIT) {
      throw new PeergradError('argument', `beat: got ${payload.byteLength} bytes, expected at most ${BEAT_LIMIT}`)
    }
    this.host.run(() => {
      for (const [peer, connection] of this.connections) {
        this.#link(peer).controlBytesSent += payload.byteLength
        this.#fabric.beat(this, connection.other(this) as Station, payload)
      }
    })
  }

  async request(
    peer: PeerId,
    payload: Uint8Array,
    { deadline, signal }: { deadline: number; signal?: AbortSignal }
  ): Promise<Uint8Array> {
    checkControl(payload)
    await this.#awake()
    const connection = this.#connection(peer)
    const answer = deferred<Uint8Array>()
    const cancel = this.host.clock.after(deadline, () =>
      answer.reject(new PeergradError('timeout', `${peer} did not answer within ${deadline} ms`))
    )
    this.#link(peer).controlBytesSent += payload.byteLength
    const other = connection.other(this) as MemoryMesh
    const back = (settle: () => void) => this.#fabric.connections.stream(connection, other, settle)
    const bytes = payload.slice()
    this.#fabric.connections.stream(connection, this, () => {
      other.#link(this.self).controlBytesReceived += bytes.byteLength
      other.emit('request', {
        from: this.self,
        payload: bytes,
        envelope: bytes,
        respond: (given) => {
          const copy = given.slice()
          other.#link(this.self).controlBytesSent += copy.byteLength
          back(() => {
            this.#link(peer).controlBytesReceived += copy.byteLength
            answer.resolve(copy)
          })
        },
        refuse: (error) => back(() => answer.reject(error))
      })
    })
    return this.#waitFor(connection, answer, signal).finally(cancel)
  }

  admit(peers: readonly PeerId[]): void {
    this.#admitted = new Set(peers)
  }

  serve(digest: Digest, vector: Vector): void {
    if (this.#served.has(digest))
      throw new PeergradError('duplicate', `serve: ${digest} is served already; unserve it first`)
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

  async fetch({ digest, bytes, offset = 0, from, into, deadline, signal }: FetchRequest): Promise<FetchReport> {
    checkPart({ bytes, offset, length: into.byteLength })
    await this.#awake()
    const { clock } = this.host
    const start = clock.now()
    const late = new AbortController()
    const cancel = clock.after(deadline, () =>
      late.abort(new PeergradError('timeout', `fetch ${digest}: not all had come within ${deadline} ms`))
    )
    const limit = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    try {
      let failure: PeergradError | undefined
      for (const peer of from) {
        // another holder starts anew: bytes of two senders in one vector would leave nobody to blame
        const pace = paceWindow(deadline, this.#fabric.links.roundTrip(this.self, peer))
        const part: Part = { digest, bytes, offset, into, pace, done: 0 }
        for (let progress = true; progress;) {
          const before = part.done
          try {
            await this.#read(peer, part, limit)
            return { from: peer, milliseconds: clock.now() - start, lane: 'memory' }
          } catch (thrown) {
            failure = PeergradError.from(thrown)
            if (limit.aborted) throw failure
            progress = failure.code === 'unreachable' && part.done > before
          }
        }
      }
      throw failure ?? new PeergradError('argument', `fetch ${digest}: got nobody to ask, expected a holder`)
    } finally {
      cancel()
    }
  }

  links(): readonly LinkStatistics[] {
    for (const [peer, link] of this.#links) {
      if (this.connections.has(peer)) link.roundTripMilliseconds = this.#fabric.links.roundTrip(this.self, peer)
    }
    return [...this.#links.values()].map((link) => ({ ...link }))
  }

  report(peer: PeerId, offence: Offence): void {
    this.offences.push({ peer, offence })
  }

  /** What was sent arrives, then the others see the connections close. */
  async close(): Promise<void> {
    this.#fabric.end(this, 'closed')
    for (const connection of [...this.#pending.keys()]) this.#fail(connection, new PeergradError('aborted', CLOSED))
  }

  opened(peer: PeerId): void {
    this.emit('connect', { peer })
  }

  closed(peer: PeerId, connection: Connection): void {
    this.#fail(connection, new PeergradError('unreachable', `${peer} is gone`))
    this.emit('disconnect', { peer })
  }

  onMessage(from: PeerId, payload: Uint8Array): void {
    this.#link(from).controlBytesReceived += payload.byteLength
    this.emit('message', { from, payload, envelope: payload })
  }

  onBeat(from: PeerId, payload: Uint8Array): void {
    this.#link(from).controlBytesReceived += payload.byteLength
    this.emit('beat', { from, payload })
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
    const late = new PeergradError('unreachable', `${address} did not answer within ${DIAL_TIMEOUT} ms`)
    const cancel = this.host.clock.after(DIAL_TIMEOUT, () => there.reject(late))
    try {
      await (signal === undefined ? there.promise : orAborted(there.promise, signal))
    } finally {
      off()
      cancel()
    }
  }

  /** Code of a stopped process does not get past this until it goes on, and that of an ended one never. */
  #awake(): Promise<void> | undefined {
    if (this.host.running) return undefined
    if (this.host.closed) throw new PeergradError('aborted', CLOSED)
    return new Promise((resolve) => this.host.run(resolve))
  }

  #connection(peer: PeerId): Connection {
    const connection = this.connections.get(peer)
    if (connection === undefined) throw new PeergradError('unreachable', `${peer} is not connected`)
    return connection
  }

  /** One try to read what is missing of a part from one holder. */
  async #read(peer: PeerId, part: Part, signal: AbortSignal): Promise<void> {
    const connection = this.#connection(peer)
    const holder = connection.other(this) as MemoryMesh
    const done = deferred<void>()
    const stalls = new PaceClock(this.host, part.pace, () =>
      done.reject(new PeergradError('timeout', `${peer} sent nothing for ${part.pace} ms`))
    )
    let cut = () => {}
    this.#fabric.connections.stream(connection, this, () => {
      if (signal.aborted) return
      cut = holder.#send(this, connection, part, done, stalls)
    })
    try {
      await this.#waitFor(connection, done, signal)
    } finally {
      stalls.close()
      cut()
    }
  }

  /** The holder's side of a read. Returns what cuts it. */
  #send(reader: MemoryMesh, connection: Connection, part: Part, done: Deferred<void>, stalls: PaceClock): () => void {
    const { digest, bytes, offset, into } = part
    const back = (settle: () => void) => this.#fabric.connections.stream(connection, this, settle)
    const refuse = (code: 'refused' | 'missing' | 'corrupt', why: string) => {
      back(() => done.reject(new PeergradError(code, `${this.self}: ${why}`)))
      return () => {}
    }
    const served = this.#served.get(digest)
    if (!this.#admitted.has(reader.self)) return refuse('refused', 'not admitted')
    if (served === undefined) return refuse('missing', 'it does not hold it')
    if (served.vector.byteLength !== bytes) return refuse('corrupt', 'another length than announced')
    served.readers += 1
    const transfer = { from: this.self, to: reader.self, digest, bytes: into.byteLength }
    const before = part.done
    const rest = into.byteLength - before
    const begun = this.#fabric.clock.now()
    let reading = true
    const end = () => {
      if (!reading) return
      reading = false
      forget()
      served.readers -= 1
      if (served.readers === 0) for (const idle of served.idle.splice(0)) idle()
    }
    this.#watch('begun', transfer)
    const stop = this.#fabric.transfers.start({
      from: this.host,
      to: reader.host,
      bytes: rest,
      moving: (moves) => stalls.moving(moves),
      moved: (sent) => {
        if (!reading) return
        const now = before + sent - (sent < rest ? sent % 4 : 0)
        into.set(served.vector.subarray((offset + part.done) / 4, (offset + now) / 4), part.done / 4)
        reader.#link(this.self).tensorBytesReceived += now - part.done
        this.#link(reader.self).tensorBytesSent += now - part.done
        if (part.done < into.byteLength / 2 && now >= into.byteLength / 2) this.#watch('half', transfer)
        part.done = now
        if (sent < rest) return
        end()
        const seconds = (this.#fabric.clock.now() - begun) / 1000
        if (seconds > 0) reader.#link(this.self).throughput = rest / seconds
        this.host.run(() => this.emit('served', { peer: reader.self, digest, bytes: into.byteLength }))
        stalls.moving(false)
        back(done.resolve)
      }
    })
    const cut = () => {
      stop()
      end()
    }
    const forget = this.#onLost(connection, cut)
    return cut
  }

  async #waitFor<T>(connection: Connection, answer: Deferred<T>, signal?: AbortSignal): Promise<T> {
    const forget = this.#onLost(connection, answer.reject)
    try {
      return await (signal === undefined ? answer.promise : orAborted(answer.promise, signal))
    } finally {
      forget()
    }
  }

  #onLost(connection: Connection, lost: (error: PeergradError) => void): () => void {
    let pending = this.#pending.get(connection)
    if (pending === undefined) this.#pending.set(connection, (pending = new Set()))
    pending.add(lost)
    return () => {
      pending.delete(lost)
      if (pending.size === 0) this.#pending.delete(connection)
    }
  }

  #fail(connection: Connection, error: PeergradError): void {
    for (const lost of [...(this.#pending.get(connection) ?? [])]) lost(error)
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

/** Runs out when a transfer has not moved for a while. */
class PaceClock {
  readonly #host: MemoryHost
  readonly #milliseconds: number
  readonly #onStall: () => void
  #cancel: (() => void) | undefined
  #closed = false

  constructor(host: MemoryHost, milliseconds: number, onStall: () => void) {
    this.#host = host
    this.#milliseconds = milliseconds
    this.#onStall = onStall
    this.moving(false)
  }

  moving(moves: boolean): void {
    this.#cancel?.()
    this.#cancel = moves || this.#closed ? undefined : this.#host.clock.after(this.#milliseconds, this.#onStall)
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
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
