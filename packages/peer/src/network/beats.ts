import type { Connection, Stream } from '@libp2p/interface'
import { BEAT_LIMIT, PeergradError } from '@peergrad/core'
import type { Offence, PeerId } from '@peergrad/core'
import { bestConnection } from './connections.js'
import { BeatOutlet } from './beat-outlet.js'
import { FloodGuard } from './flood-guard.js'
import type { Links } from './links.js'
import type { NetworkNode } from './node.js'
import { StreamWire } from './stream-wire.js'

export const BEAT_PROTOCOL = '/peergrad/beat/1'

/** Beats of one peer: at once, for those that a stall held back come together, and a second in the long run. */
const RATE = { burst: 60, perSecond: 20 }
/** With one connection: the one in use, and one that is closing. */
const STREAMS_PER_PEER = 2
const OPEN_MILLISECONDS = 5000

export interface BeatsInit {
  readonly node: NetworkNode
  readonly links: Links
  readonly report: (peer: PeerId, offence: Offence) => void
  readonly excluded: (peer: PeerId) => boolean
  readonly isMember: (peer: PeerId) => boolean
  readonly deliver: (from: PeerId, payload: Uint8Array) => void
}

/**
 * Signs of life, straight between members. Each keeps one stream to every other one for what it says; a beat on it is
 * its length (u8) and its payload.
 */
export class Beats {
  readonly #init: BeatsInit
  readonly #guard: FloodGuard
  readonly #outlets = new Map<PeerId, BeatOutlet>()

  constructor(init: BeatsInit) {
    this.#init = init
    this.#guard = new FloodGuard(RATE, init.report)
  }

  async start(): Promise<void> {
    const options = {
      maxInboundStreams: STREAMS_PER_PEER,
      maxOutboundStreams: STREAMS_PER_PEER,
      runOnLimitedConnection: true
    }
    await this.#init.node.handle(BEAT_PROTOCOL, (stream, connection) => this.#accept(stream, connection), options)
  }

  /** The peer is a member from now on. */
  add(peer: PeerId): void {
    const { links, report } = this.#init
    const outlet = new BeatOutlet({
      open: () => this.#open(peer),
      sent: (bytes) => links.control(peer, 'sent', bytes),
      answered: () => report(peer, 'malformed')
    })
    this.#outlets.set(peer, outlet)
    outlet.connect()
  }

  remove(peer: PeerId): void {
    this.#outlets.get(peer)?.close()
    this.#outlets.delete(peer)
  }

  /** To every member, without waiting for any. */
  send(payload: Uint8Array): void {
    const frame = Uint8Array.of(payload.byteLength, ...payload)
    for (const outlet of this.#outlets.values()) outlet.send(frame)
  }

  /** On a connection that is there: a peer that went is the contacts' to dial. */
  async #open(peer: PeerId): Promise<Stream> {
    const connection = bestConnection(this.#init.node, peer)
    if (connection === undefined) throw new PeergradError('unreachable', `${peer} is not connected`)
    const signal = AbortSignal.timeout(OPEN_MILLISECONDS)
    const options = { signal, maxOutboundStreams: STREAMS_PER_PEER, runOnLimitedConnection: true }
    return connection.newStream(BEAT_PROTOCOL, options)
  }

  #accept(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const wire = new StreamWire(stream, peer)
    void wire.broken.then(() => wire.close())
    if (!this.#guard.allows(peer)) return wire.abort(new PeergradError('refused', `${peer} beats too often`))
    const reader = new BeatReader()
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
      links.control(peer, 'received', 1 + payload.byteLength)
      deliver(peer, payload)
    }
    return !excluded(peer)
  }
}

/** Splits what comes on a stream into beats; what it keeps is less than one. */
class BeatReader {
  #rest: Uint8Array = new Uint8Array(0)

  /** Hands out copies until `take` returns false. Error `corrupt` at a beat above the limit. */
  read(chunk: Uint8Array, take: (payload: Uint8Array) => boolean): void {
    const bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (let length = bytes[at]; length !== undefined; length = bytes[at]) {
      if (length > BEAT_LIMIT)
        throw new PeergradError('corrupt', `beat: got ${length} bytes, expected at most ${BEAT_LIMIT}`)
      const end = at + 1 + length
      if (end > bytes.byteLength) break
      if (!take(Uint8Array.from(bytes.subarray(at + 1, end)))) return
      at = end
    }
    this.#rest = Uint8Array.from(bytes.subarray(at))
  }
}
