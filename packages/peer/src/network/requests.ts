import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { PeergradError } from '@peergrad/core'
import type { Offence, PeerId } from '@peergrad/core'
import { openStream } from './connections.js'
import { converse } from './conversation.js'
import { ENVELOPE_LIMIT, sealEnvelope, verifyEnvelope } from './envelope.js'
import type { Envelope } from './envelope.js'
import { encodeFrame, readFrame } from './frames.js'
import { FloodGuard } from './flood-guard.js'
import type { Identity } from './identity.js'
import type { Links } from './links.js'
import { decodeRefusal, encodeRefusal } from './refusal.js'
import { StreamWire } from './stream-wire.js'
import { WireReader } from './wire-reader.js'
import { within } from './within.js'

export const REQUEST_PROTOCOL = '/peergrad/request/1'

/** Requests of one peer: at once, and a second in the long run. */
const RATE = { burst: 200, perSecond: 100 }
const CONCURRENT_PER_PEER = 32
/** A request must be whole by then. */
const READ_MILLISECONDS = 10_000
/** The one who asked has given up by then at the latest. */
const ANSWER_MILLISECONDS = 120_000

export interface IncomingRequest {
  readonly id: number
  readonly envelope: Envelope
}

export interface RequestsInit {
  readonly node: Libp2p
  readonly identity: Identity
  readonly topic: string
  readonly nextSequence: () => number
  readonly links: Links
  readonly report: (peer: PeerId, offence: Offence) => void
  readonly deliver: (request: IncomingRequest) => void
}

/** Signed questions and answers between two peers, one stream each. */
export class Requests {
  readonly #init: RequestsInit
  readonly #guard: FloodGuard
  readonly #waiting = new Map<number, (answer: Uint8Array | PeergradError) => void>()
  #nextId = 0

  constructor(init: RequestsInit) {
    this.#init = init
    this.#guard = new FloodGuard(RATE, init.report)
  }

  async start(): Promise<void> {
    const options = {
      maxInboundStreams: CONCURRENT_PER_PEER,
      maxOutboundStreams: CONCURRENT_PER_PEER,
      runOnLimitedConnection: true
    }
    await this.#init.node.handle(REQUEST_PROTOCOL, (stream, connection) => this.#accept(stream, connection), options)
  }

  /** Errors: `timeout`, `aborted`, `unreachable`, `corrupt` for an answer that is not one, or what the peer refused with. */
  async ask(
    peer: PeerId,
    payload: Uint8Array,
    { deadline, signal }: { deadline: number; signal: AbortSignal }
  ): Promise<Uint8Array> {
    return within(deadline, signal, (limit) => {
      const options = { signal: limit, maxOutboundStreams: CONCURRENT_PER_PEER }
      const opening = openStream(this.#init.node, peer, REQUEST_PROTOCOL, options)
      return converse(opening, { peer, what: `request to ${peer}`, signal: limit }, (wire, reader) =>
        this.#exchange(wire, reader, payload)
      )
    })
  }

  /** What the main thread says to a request that it was given; nothing happens when the asker is gone. */
  answer(id: number, answer: Uint8Array | PeergradError): void {
    this.#waiting.get(id)?.(answer)
  }

  async #exchange(wire: StreamWire, reader: WireReader, payload: Uint8Array): Promise<Uint8Array> {
    const { peer } = wire
    const sequence = this.#init.nextSequence()
    this.#send(
      wire,
      sealEnvelope({ kind: 'request', to: peer, topic: this.#init.topic, sequence, payload }, this.#init.identity)
    )
    const answer = await this.#receive(reader, peer)
    const isAnswer = answer.kind === 'response' || answer.kind === 'refusal'
    if (!isAnswer || answer.from !== peer || answer.to !== this.#init.identity.peer || answer.sequence !== sequence) {
      throw this.#offence(
        peer,
        `got ${answer.kind} ${answer.sequence} from ${answer.from}, expected the answer to ${sequence} from ${peer}`
      )
    }
    wire.close()
    if (answer.kind === 'response') return answer.payload
    throw decodeRefusal(answer.payload)
  }

  #accept(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const wire = new StreamWire(stream, peer)
    if (this.#guard.allows(peer)) void this.#attend(wire)
    else wire.abort(new PeergradError('refused', `${peer} asks too often`))
  }

  async #attend(wire: StreamWire): Promise<void> {
    const { peer } = wire
    const patience = setTimeout(
      () => wire.abort(new PeergradError('timeout', `${peer} sent no whole request`)),
      READ_MILLISECONDS
    )
    try {
      const question = await this.#receive(new WireReader(wire), peer)
      clearTimeout(patience)
      if (question.kind !== 'request' || question.from !== peer || question.to !== this.#init.identity.peer) {
        throw this.#offence(
          peer,
          `got ${question.kind} from ${question.from}, expected a request from ${peer} to this peer`
        )
      }
      const answer = await this.#handOver(wire, question)
      const { topic, identity } = this.#init
      const content = { to: peer, topic, sequence: question.sequence }
      if (answer instanceof PeergradError) {
        this.#send(wire, sealEnvelope({ ...content, kind: 'refusal', payload: encodeRefusal(answer) }, identity))
      } else this.#send(wire, sealEnvelope({ ...content, kind: 'response', payload: answer }, identity))
      wire.close()
    } catch (thrown) {
      wire.abort(PeergradError.from(thrown))
    } finally {
      clearTimeout(patience)
    }
  }

  /** Rejects when the asker goes first. */
  async #handOver(wire: StreamWire, envelope: Envelope): Promise<Uint8Array | PeergradError> {
    const id = this.#nextId++
    const late = setTimeout(() => wire.abort(new PeergradError('timeout', 'no answer')), ANSWER_MILLISECONDS)
    const gone = wire.broken.then((error) => {
      throw error
    })
    try {
      const answer = new Promise<Uint8Array | PeergradError>((resolve) => this.#waiting.set(id, resolve))
      this.#init.deliver({ id, envelope })
      return await Promise.race([answer, gone])
    } finally {
      clearTimeout(late)
      this.#waiting.delete(id)
    }
  }

  #send(wire: StreamWire, envelope: Uint8Array): void {
    this.#init.links.control(wire.peer, 'sent', envelope.byteLength)
    wire.send(encodeFrame(envelope))
  }

  async #receive(reader: WireReader, peer: PeerId): Promise<Envelope> {
    try {
      const bytes = await readFrame(reader, ENVELOPE_LIMIT)
      this.#init.links.control(peer, 'received', bytes.byteLength)
      return verifyEnvelope(Uint8Array.from(bytes))
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      if (error.code === 'corrupt') throw this.#offence(peer, error.message)
      throw error
    }
  }

  #offence(peer: PeerId, message: string): PeergradError {
    this.#init.report(peer, 'malformed')
    return new PeergradError('corrupt', `${peer}: ${message}`, { peer })
  }
}
