import type { Connection, Stream } from '@libp2p/interface'
import type { Offence, PeerId } from '@peergrad/core'
import { parseAddress } from './addresses.js'
import { bestConnection, directHost, openStream } from './connections.js'
import { FastDialer } from './fast-dialer.js'
import type { FastLane } from './fast-lane.js'
import type { Identity } from './identity.js'
import { listenError, type NetworkNode } from './node.js'
import { hostOf } from './reach/scope.js'
import { StreamWire } from './stream-wire.js'
import type { OpenWire } from './tensor-client.js'
import { TRANSFERS_PER_PEER } from './tensor-server.js'
import type { TensorServer } from './tensor-server.js'
import { WireReader } from './wire-reader.js'

export const TENSOR_PROTOCOL = '/peergrad/tensor/1'

/** Streams of the bulk protocol with one peer, with room for some that are closing. */
const STREAMS_PER_PEER = 4 * TRANSFERS_PER_PEER

export interface LanesInit {
  readonly node: NetworkNode
  readonly identity: Identity
  readonly server: TensorServer
  readonly report: (peer: PeerId, offence: Offence) => void
}

interface Fast {
  readonly lane: FastLane
  readonly dialer: FastDialer
  readonly port: number
}

/** The ways on which tensors travel: libp2p streams always, and direct sockets when both ends offer them. */
export class Lanes {
  readonly #init: LanesInit
  #fast: Fast | undefined

  constructor(init: LanesInit) {
    this.#init = init
  }

  /** `listen` as of the node: the fast lane listens on the same host, or not at all when undefined. */
  async start(listen: readonly string[] | undefined): Promise<void> {
    const { node, identity, server, report } = this.#init
    const options = {
      maxInboundStreams: STREAMS_PER_PEER,
      maxOutboundStreams: STREAMS_PER_PEER,
      runOnLimitedConnection: true
    }
    await node.handle(TENSOR_PROTOCOL, (stream, connection) => this.#accept(stream, connection), options)
    const host = listen?.map((address) => hostOf(parseAddress(address))).find((name) => name !== undefined)
    if (host === undefined) return
    // its certificates cost as much to load as libp2p itself
    const { FastLane } = await import('./fast-lane.js')
    const lane = await FastLane.create(identity, (wire) => void server.attend(wire))
    const port = await lane.listen(host).catch((cause: unknown) => {
      throw listenError(cause, listen ?? [])
    })
    this.#fast = { lane, dialer: new FastDialer(lane, report), port }
  }

  /** Port of the fast lane, 0 for none. */
  get fastPort(): number {
    return this.#fast?.port ?? 0
  }

  learn(peer: PeerId, fastPort: number): void {
    this.#fast?.dialer.learn(peer, fastPort)
  }

  forget(peer: PeerId): void {
    this.#fast?.dialer.forget(peer)
  }

  /** A wire to the peer on the best lane that it can be reached on. */
  async open(peer: PeerId, signal: AbortSignal): Promise<OpenWire> {
    const { node } = this.#init
    // behind a relay nobody answers there
    const host = directHost(bestConnection(node, peer))
    const fast = host === undefined ? undefined : await this.#fast?.dialer.open(peer, host, signal)
    if (fast !== undefined) return fast
    const options = { signal, maxOutboundStreams: STREAMS_PER_PEER }
    const wire = new StreamWire(await openStream(node, peer, TENSOR_PROTOCOL, options), peer)
    return { wire, reader: new WireReader(wire), release: () => wire.close(), broke: () => false }
  }

  close(): void {
    this.#fast?.lane.close()
  }

  #accept(stream: Stream, connection: Connection): void {
    void this.#init.server.attend(new StreamWire(stream, connection.remotePeer.toString()))
  }
}
