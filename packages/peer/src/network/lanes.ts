import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@peergrad/core'
import type { NetworkNode } from './node.js'
import { StreamWire } from './stream-wire.js'
import type { OpenWire } from './tensor-client.js'
import { TRANSFERS_PER_PEER } from './tensor-server.js'
import type { TensorServer } from './tensor-server.js'
import { WireReader } from './wire-reader.js'

export const TENSOR_PROTOCOL = '/peergrad/tensor/1'

/** Streams of the bulk protocol with one peer, with room for some that are closing. */
const STREAMS_PER_PEER = 4 * TRANSFERS_PER_PEER

/** The ways on which tensors travel. */
export class Lanes {
  readonly #node: NetworkNode
  readonly #server: TensorServer

  constructor(node: NetworkNode, server: TensorServer) {
    this.#node = node
    this.#server = server
  }

  async start(): Promise<void> {
    await this.#node.handle(TENSOR_PROTOCOL, (stream, connection) => this.#accept(stream, connection), {
      maxInboundStreams: STREAMS_PER_PEER,
      maxOutboundStreams: STREAMS_PER_PEER
    })
  }

  async open(peer: PeerId, signal: AbortSignal): Promise<OpenWire> {
    const options = { signal, maxOutboundStreams: STREAMS_PER_PEER }
    const wire = new StreamWire(await this.#node.dialProtocol(peerIdFromString(peer), TENSOR_PROTOCOL, options), peer)
    return { wire, reader: new WireReader(wire), release: () => wire.close() }
  }

  #accept(stream: Stream, connection: Connection): void {
    void this.#server.attend(new StreamWire(stream, connection.remotePeer.toString()))
  }
}
