import { randomUUID } from 'node:crypto'
import type { Multiaddr } from '@multiformats/multiaddr'
import { controlAnswers, controlRequests, PeergradError, type PeerId } from '@peergrad/core'
import { bestConnection, openStream } from '../network/connections.js'
import { converse } from '../network/conversation.js'
import { encodeFrame, readFrame } from '../network/frames.js'
import type { Identity } from '../network/identity.js'
import { Links } from '../network/links.js'
import type { NetworkNode } from '../network/node.js'
import { dialDirectly } from '../network/reach/direct.js'
import { Punch } from '../network/reach/punch.js'
import { hostOf } from '../network/reach/scope.js'
import { sequenceSource } from '../network/replay-window.js'
import { Requests } from '../network/requests.js'
import type { StreamWire } from '../network/stream-wire.js'
import type { WireReader } from '../network/wire-reader.js'
import type { Seen, SeenRun, Visit } from './doctor.js'
import {
  decodeAnswer,
  DOCTOR_PROTOCOL,
  encode,
  MESSAGE_LIMIT,
  readAbout,
  readDialBack,
  readReceived,
  type DialBack,
  type Question,
  type Received
} from './messages.js'
import { countBytes, PROBE, sendZeros } from './probe.js'

/** Times that the peer is asked about itself: the quickest answer says most about its clock. */
const TIMES = 4

export interface DoctorVisitInit extends Pick<Visit, 'address' | 'peer' | 'named' | 'localPort' | 'relays'> {
  /** where the relay in between sees this side, when there is one and it says so */
  readonly observed: Multiaddr | undefined
  readonly node: NetworkNode
  readonly identity: Identity
  readonly patience: number
}

interface Talk {
  readonly wire: StreamWire
  readonly reader: WireReader
  /** milliseconds since the question went out */
  readonly elapsed: () => number
}

export class DoctorVisit implements Visit {
  readonly address: string
  readonly peer: PeerId
  readonly named: boolean
  readonly localPort: number | undefined
  readonly relays: boolean
  readonly #init: DoctorVisitInit

  constructor(init: DoctorVisitInit) {
    this.#init = init
    this.address = init.address
    this.peer = init.peer
    this.named = init.named
    this.localPort = init.localPort
    this.relays = init.relays
  }

  get limited(): boolean {
    return bestConnection(this.#init.node, this.peer)?.direct === false
  }

  async about(): Promise<Seen> {
    const { observed } = this.#init
    const answers: Seen[] = []
    for (let times = 0; times < TIMES; times++) {
      answers.push(
        await this.#ask({ kind: 'about' }, async ({ reader, elapsed }) => {
          const about = decodeAnswer(await readFrame(reader, MESSAGE_LIMIT), readAbout)
          const roundTrip = elapsed()
          const seen = { ...about, roundTrip, offset: about.time - (Date.now() - roundTrip / 2) }
          return observed === undefined ? seen : { ...seen, observed: observed.toString() }
        })
      )
    }
    return answers.reduce((best, each) => (each.roundTrip < best.roundTrip ? each : best))
  }

  dialBack(port: number): Promise<DialBack> {
    return this.#ask({ kind: 'dial-back', port }, async ({ reader }) =>
      decodeAnswer(await readFrame(reader, MESSAGE_LIMIT), readDialBack)
    )
  }

  async meet(): Promise<'dialled' | 'punched'> {
    const { node, observed } = this.#init
    const relayed = bestConnection(node, this.peer)
    if (relayed === undefined || relayed.direct || (await dialDirectly(node, relayed.remotePeer))) return 'dialled'
    await new Punch({ node, host: () => observed && hostOf(observed) }).attempt(relayed)
    return 'punched'
  }

  measure(direction: 'to' | 'from', roundTrip: number): Promise<Received> {
    const { bytes } = PROBE
    // the answer to the first question comes a round trip after it
    const withoutTrip = ({ bytes, milliseconds }: Received) => ({
      bytes,
      milliseconds: Math.max(milliseconds - roundTrip, 1)
    })
    if (direction === 'from')
      return this.#ask({ kind: 'send', bytes }, async ({ wire, reader }) =>
        withoutTrip(await countBytes(wire, reader, bytes))
      )
    return this.#ask({ kind: 'receive', bytes }, async ({ wire, reader }) => {
      const answer = readFrame(reader, MESSAGE_LIMIT)
      // it has counted enough when it answers, whatever is still on its way
      await Promise.race([sendZeros(wire, bytes), answer])
      return decodeAnswer(await answer, readReceived)
    })
  }

  async run(offset: number): Promise<SeenRun> {
    const { node, identity, patience } = this.#init
    const requests = new Requests({
      node,
      identity,
      topic: 'doctor',
      nextSequence: sequenceSource(),
      links: new Links(),
      report: () => undefined,
      deliver: () => undefined
    })
    const question = { from: identity.peer, to: this.peer, nonce: randomUUID(), time: Date.now() + offset }
    const request = controlRequests.encode({
      kind: 'join',
      manifest: null,
      lineage: null,
      running: false,
      resumed: null,
      nonce: question.nonce,
      time: question.time,
      credential: null
    })
    const never = new AbortController()
    const options = { deadline: patience, signal: never.signal }
    const answer = controlAnswers.decode(await requests.ask(this.peer, request, options))
    if (answer.kind === 'welcome') return { ...answer, question }
    throw new PeergradError('corrupt', `run: got ${answer.kind} from ${this.peer}, expected welcome`)
  }

  async #ask<T>(question: Question, listen: (talk: Talk) => Promise<T>): Promise<T> {
    const { node, peer, patience } = this.#init
    const signal = AbortSignal.timeout(patience)
    const opening = openStream(node, peer, DOCTOR_PROTOCOL, { signal })
    return converse(opening, { peer, what: `ask ${peer}`, signal }, async (wire, reader) => {
      const start = performance.now()
      wire.send(encodeFrame(encode(question)))
      const answer = await listen({ wire, reader, elapsed: () => performance.now() - start })
      wire.close()
      return answer
    })
  }
}
