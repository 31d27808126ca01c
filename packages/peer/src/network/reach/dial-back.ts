import type { Connection, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { multiaddr } from '../../bundled/names.js'
import { directHost } from '../connections.js'
import { converse, talk } from '../conversation.js'
import type { NetworkNode } from '../node.js'
import { StreamWire } from '../stream-wire.js'
import { TokenBuckets } from '../token-bucket.js'
import { jsonFrame, portOf, readJsonFrame } from './json-frames.js'
import { isRelayed, tcpAddress } from './scope.js'

export const DIAL_BACK_PROTOCOL = '/peergrad/dial-back/1'

const ANSWER_MILLISECONDS = 8000
/** A firewall that drops packets lets a dial wait for ever. */
const DIAL_MILLISECONDS = 3000
/** Dials that one peer may ask for. */
const RATE = { burst: 8, perSecond: 0.2 }
const STREAMS = 2

export interface DialedBack {
  /** whether the other peer came through, proved by its key */
  readonly reached: boolean
  /** where the other one dialled: this peer as it is seen from there */
  readonly address: Multiaddr
}

/**
 * "Can you dial me?" A peer asks one that it dialled, which dials the port that it is told, at the host that it sees,
 * and nowhere else: nobody can be made to dial a stranger. That it came through is seen by the asker itself, when the
 * other one has proved its key and before there is a connection: it is turned away there, and no stream ever meets it.
 *
 * (AutoNAT 1.0 closes a connection that was there before, asks four peers of four networks, and looks at public
 * addresses only; in a firewalled LAN and in a run of two peers it says nothing.)
 */
export class DialBack {
  readonly #node: NetworkNode
  readonly #buckets = new TokenBuckets(RATE)
  /** whom this peer waits for, and whether they came */
  readonly #expected = new Map<PeerId, boolean>()

  constructor(node: NetworkNode) {
    this.#node = node
  }

  async start(): Promise<void> {
    const options = { maxInboundStreams: STREAMS, maxOutboundStreams: STREAMS }
    await this.#node.handle(
      DIAL_BACK_PROTOCOL,
      (stream, connection) => {
        this.#attend(stream, connection).catch(() => undefined)
      },
      options
    )
  }

  /** Whether an inbound connection, whose peer is proved, is one that was asked for: it is to be turned away. */
  claims(peer: PeerId, from: Multiaddr): boolean {
    if (!this.#expected.has(peer) || isRelayed(from)) return false
    this.#expected.set(peer, true)
    return true
  }

  /** Asks the peer at the other end. Rejects when it does not answer, or asks for patience. */
  async ask(connection: Connection, port: number): Promise<DialedBack> {
    const peer = connection.remotePeer.toString()
    const signal = AbortSignal.timeout(ANSWER_MILLISECONDS)
    this.#expected.set(peer, false)
    try {
      const opening = connection.newStream(DIAL_BACK_PROTOCOL, { signal, maxOutboundStreams: STREAMS })
      return await converse(opening, { peer, what: `dial-back by ${peer}`, signal }, async (wire, reader) => {
        wire.send(jsonFrame({ port }))
        const address = addressOf(await readJsonFrame(reader), port)
        wire.close()
        return { reached: this.#expected.get(peer) === true, address }
      })
    } finally {
      this.#expected.delete(peer)
    }
  }

  async #attend(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    const signal = AbortSignal.timeout(ANSWER_MILLISECONDS)
    await talk(new StreamWire(stream, peer), { what: `dial back ${peer}`, signal }, async (wire, reader) => {
      if (!this.#buckets.take(peer)) throw new PeergradError('refused', `${peer} asks to be dialled too often`)
      const { port } = await readJsonFrame(reader)
      const host = directHost(connection)
      if (host === undefined) throw new PeergradError('refused', `${peer} asks through a relay`)
      const address = tcpAddress(host, portOf(port))
      await this.#dial(multiaddr(`${address}/p2p/${peer}`))
      wire.send(jsonFrame({ address }))
      wire.close()
    })
  }

  /** It fails in any case: whoever asked turns the dial away. */
  async #dial(address: Multiaddr): Promise<void> {
    try {
      const options = { signal: AbortSignal.timeout(DIAL_MILLISECONDS), force: true }
      const unexpected = await this.#node.dial(address, options)
      await unexpected.close()
    } catch {
      // how far it came the asker knows
    }
  }
}

function addressOf({ address: text }: Readonly<Record<string, unknown>>, port: number): Multiaddr {
  const form = /^\/ip[46]\/[\da-fA-F.:]{2,45}\/tcp\/\d+$/
  if (typeof text === 'string' && form.test(text) && text.endsWith(`/tcp/${port}`)) return multiaddr(text)
  throw new PeergradError('corrupt', `dial-back: expected {address} with port ${port}`)
}
