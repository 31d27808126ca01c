import { randomBytes } from 'node:crypto'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@peergrad/core'
import { talk } from '../network/conversation.js'
import { encodeFrame, readFrame } from '../network/frames.js'
import { hostOf, isRelayed } from '../network/reach/scope.js'
import { StreamWire } from '../network/stream-wire.js'
import { TokenBuckets } from '../network/token-bucket.js'
import type { WireReader } from '../network/wire-reader.js'
import {
  decodeQuestion,
  DOCTOR_PROTOCOL,
  encode,
  MESSAGE_LIMIT,
  named,
  type About,
  type DialBack,
  type Question,
  type Received,
  type Refusal
} from './messages.js'
import { countBytes, PROBE, sendZeros } from './probe.js'
import { tryTcp } from './tcp.js'
import { VERSIONS, type Versions } from './versions.js'

/** Questions of one host, at once and a second in the long run; and those that make work. */
const QUESTIONS = { burst: 40, perSecond: 2 }
const WORK = { burst: 12, perSecond: 0.2 }
/** Of all hosts together, at once. */
const WORKING = 4
/** Milliseconds: until a question is answered, and until a dial back is given up. */
const PATIENCE = { answer: 10_000, dial: 4000 }
const STREAMS_PER_PEER = 4

export interface DoctorServerInit {
  readonly node: Pick<Libp2p, 'handle'>
  /** peers of the run to which this one is connected */
  readonly peers: () => readonly PeerId[]
  readonly versions?: Versions
  /** time of day in milliseconds */
  readonly now?: () => number
}

interface Asker {
  readonly wire: StreamWire
  readonly reader: WireReader
  readonly observed: Multiaddr
  /** undefined when it is seen through somebody else */
  readonly host: string | undefined
}

/**
 * Answers `peergrad doctor` of another peer. What it does for a stranger is bounded: it connects to the asker's own
 * address only, with a word that it chose itself, and moves at most the bytes of a probe; each so often for each host.
 */
export class DoctorServer {
  readonly #init: DoctorServerInit
  readonly #questions = new TokenBuckets(QUESTIONS)
  readonly #work = new TokenBuckets(WORK)
  #working = 0

  constructor(init: DoctorServerInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    const options = { maxInboundStreams: STREAMS_PER_PEER, runOnLimitedConnection: true }
    await this.#init.node.handle(DOCTOR_PROTOCOL, (stream, connection) => this.#accept(stream, connection), options)
  }

  #accept(stream: Stream, { remotePeer, remoteAddr }: Connection): void {
    this.#attend(new StreamWire(stream, remotePeer.toString()), remoteAddr).catch(() => undefined)
  }

  async #attend(wire: StreamWire, observed: Multiaddr): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE.answer)
    await talk(wire, { what: `question of ${wire.peer}`, signal }, async (_, reader) => {
      const question = decodeQuestion(await readFrame(reader, MESSAGE_LIMIT))
      // the address of one that comes through a relay is not its own
      const host = isRelayed(observed) ? undefined : hostOf(observed)
      const answer = await this.#answer(question, { wire, reader, observed, host })
      if (answer !== undefined) wire.send(encodeFrame(encode(answer)))
      wire.close()
    })
  }

  /** Undefined when the answer was given as bytes. */
  async #answer(
    question: Question,
    asker: Asker
  ): Promise<About | DialBack | Received | { refused: Refusal } | undefined> {
    const name = asker.host ?? 'indirect'
    if (!this.#questions.take(name)) return { refused: 'too-often' }
    if (question.kind === 'about') return this.#about(asker)
    if (this.#working >= WORKING || !this.#work.take(name)) return { refused: 'too-often' }
    this.#working++
    try {
      if (question.kind === 'dial-back') return await dialBack(asker.host, question.port)
      const bytes = Math.min(question.bytes, PROBE.bytes)
      if (question.kind === 'receive') return await countBytes(asker.wire, asker.reader, bytes)
      await sendZeros(asker.wire, bytes)
      return undefined
    } finally {
      this.#working--
    }
  }

  #about({ observed }: Asker): About {
    const { peers, versions = VERSIONS, now = Date.now } = this.#init
    return { ...versions, time: now(), observed: observed.toString(), peers: named(peers()) }
  }
}

async function dialBack(host: string | undefined, port: number): Promise<DialBack | { refused: Refusal }> {
  if (host === undefined) return { refused: 'indirect' }
  const word = randomBytes(16).toString('hex')
  return { host, outcome: await tryTcp(host, port, PATIENCE.dial, word), word }
}
