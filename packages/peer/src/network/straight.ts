import type { Connection, Stream } from '@libp2p/interface'
import { BEAT_LIMIT, PeergradError, TELL_LIMIT } from '@peergrad/core'
import type { Offence, PeerId } from '@peergrad/core'
import { bestConnection } from './connections.js'
import { FloodGuard } from './flood-guard.js'
import type { FloodRate } from './flood-guard.js'
import type { Links } from './links.js'
import type { NetworkNode } from './node.js'
import { Outlet } from './outlet.js'
import { StreamWire } from './stream-wire.js'

/** What goes on the streams of one protocol. */
export interface Saying {
  readonly protocol: string
  /** bytes of a payload, at most */
  readonly limit: number
  /** payloads of one peer: at once, and a second in the long run */
  readonly rate: FloodRate
  /** payloads that wait for a way out, the newest ones */
  readonly keeps: number
  /** the stream to a member is opened when the member comes, so that the first payload need not wait for it */
  readonly eager: boolean
}

/**
 * Signs of life, at most 20 a second. Those that a stall held back come together, for up to 15 seconds: a connection that is
 * silent for 10 is closed. An old one says nothing.
 */
export const BEATS: Saying = {
  protocol: '/peergrad/beat/2',
  limit: BEAT_LIMIT,
  rate: { burst: 60, held: 240, perSecond: 20 },
  keeps: 1,
  eager: true
}

/** What is told to one alone: in each round of a ring over n peers 2(n − 1). */
export const TIDINGS: Saying = {
  protocol: '/peergrad/tell/1',
  limit: TELL_LIMIT,
  rate: { burst: 2048, perSecond: 500 },
  keeps: 1024,
  eager: false
}

/** Bytes of a payload's length. */
const HEAD = 2
/** With one connection: the one in use, and one that is closing. */
const STREAMS_PER_PEER = 2
const OPEN_MILLISECONDS = 5000

export interface StraightInit {
  readonly node: NetworkNode
  readonly links: Links
  readonly report: (peer: PeerId, offence: Offence) => void
  readonly excluded: (peer: PeerId) => boolean
  readonly isMember: (peer: PeerId) => boolean
  readonly deliver: (from: PeerId, payload: Uint8Array) => void
}

/**
 * Small unsigned messages straight between members, each of which keeps one stream to every other one for what it says. A
 * frame is a payload's length (u16, big-endian) and the payload.
 */
export class Straight {
  readonly #saying: Saying
  readonly #init: StraightInit
  readonly #guard: FloodGuard
  readonly #outlets = new Map<PeerId, Outlet>()

  constructor(saying: Saying, init: StraightInit) {
    this.#saying = saying
    this.#init = init
    this.#guard = new FloodGuard(saying.rate, init.report)
  }

  async start(): Promise<void> {
    const options = {
      maxInboundStreams: STREAMS_PER_PEER,
      maxOutboundStreams: STREAMS_PER_PEER,
      runOnLimitedConnection: true
    }
    const { protocol } = this.#saying
    await this.#init.node.handle(protocol, (stream, connection) => this.#accept(stream, connection), options)
  }

  /** The peer is a member from now on. */
  add(peer: PeerId): void {
    const { links, report } = this.#init
    const outlet = new Outlet({
      keeps: this.#saying.keeps,
      open: () => this.#open(peer),
      sent: (bytes) => links.control(peer, 'sent', bytes),
      answered: () => report(peer, 'malformed')
    })
    this.#outlets.set(peer, outlet)
    if (this.#saying.eager) outlet.connect()
  }

  remove(peer: PeerId): void {
    this.#outlets.get(peer)?.close()
    this.#outlets.delete(peer)
  }

  /** To one member, without waiting for it. */
  send(peer: PeerId, payload: Uint8Array): void {
    this.#outlets.get(peer)?.send(framed(payload))
  }

  /** To every member, without waiting for any. */
  sendAll(payload: Uint8Array): void {
    const frame = framed(payload)
    for (const outlet of this.#outlets.values()) outlet.send(frame)
  }

  /** On a connection that is there: a peer that went is the contacts' to dial. */
  async #open(peer: PeerId): Promise<Stream> {
    const connection = bestConnection(this.#init.node, peer)
    if (connection === undefined) throw new PeergradError('unreachable', `${peer} is not connected`)
    const signal = AbortSignal.timeout(OPEN_MILLISECONDS)
    const options = { signal, maxOutboundStreams: STREAMS_PER_PEER, runOnLimitedConnection: true }
    return connection.newStream(this.#saying.protocol, options)
  }

  #accept(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const wire = new StreamWire(stream, peer)
    void wire.broken.then(() => wire.close())
    if (!this.#guard.allows(peer)) return wire.abort(new PeergradError('refused', `${peer} says too much`))
    const reader = new Reader(this.#saying.limit)
    wire.receive((chunk) => {
      try {
        reader.read(chunk, (payload) => this.#arrived(peer, payload))
      } catch (thrown) {
        this.#init.report(peer, 'malformed')
        throw thrown
      }
    })
  }

  /** False when nothing more of the peer is worth a look. */
  #arrived(peer: PeerId, payload: Uint8Array): boolean {
    const { links, excluded, isMember, deliver } = this.#init
    if (this.#guard.allows(peer) && isMember(peer)) {
      links.control(peer, 'received', HEAD + payload.byteLength)
      deliver(peer, payload)
    }
    return !excluded(peer)
  }
}

function framed(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD + payload.byteLength)
  new DataView(frame.buffer).setUint16(0, payload.byteLength)
  frame.set(payload, HEAD)
  return frame
}

/** Splits what comes on a stream into payloads; what it keeps is less than one. */
class Reader {
  readonly #limit: number
  #rest: Uint8Array = new Uint8Array(0)

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Hands out copies until `take` returns false. Error `corrupt` at a payload above the limit. */
  read(chunk: Uint8Array, take: (payload: Uint8Array) => boolean): void {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let at = 0
    while (at + HEAD <= bytes.byteLength) {
      const length = view.getUint16(at)
      if (length > this.#limit)
        throw new PeergradError('corrupt', `got a payload of ${length} bytes, expected at most ${this.#limit}`)
      const end = at + HEAD + length
      if (end > bytes.byteLength) break
      if (!take(Uint8Array.from(bytes.subarray(at + HEAD, end)))) return
      at = end
    }
    this.#rest = Uint8Array.from(bytes.subarray(at))
  }
}
