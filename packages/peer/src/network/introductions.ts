import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import { onAbort } from '../deferred.js'
import { tellable, usableAddresses } from './addresses.js'
import { openStream } from './connections.js'
import { converse, talk } from './conversation.js'
import { encodeFrame, readFrame } from './frames.js'
import type { Gossip } from './gossip.js'
import { interruption } from './network-error.js'
import { keyOfPeerId } from './peer-key.js'
import { StreamWire } from './stream-wire.js'
import { within } from './within.js'

export const HELLO_PROTOCOL = '/peergrad/hello/1'

/** bytes: as many peers and addresses as are taken, each address through a relay */
const HELLO_LIMIT = 256 * 1024
/** Bytes of those for the topic, the port and what is around the peers. */
const REST_OF_HELLO = 1024
const HELLO_MILLISECONDS = 10_000
/** Introductions taken from one hello, and addresses of each. */
const PEERS_PER_HELLO = 128
const ADDRESSES_PER_PEER = 8

interface Hello {
  readonly topic: string
  /** port of the fast lane; 0 for none */
  readonly fastPort: number
  readonly peers: readonly { readonly id: PeerId; readonly addresses: readonly Multiaddr[] }[]
}

export interface IntroductionsInit {
  readonly node: Libp2p
  readonly gossip: Gossip
  readonly topic: string
  readonly fastPort: () => number
  readonly learn: (peer: PeerId, addresses: readonly Multiaddr[]) => void
  readonly fastPortOf: (peer: PeerId, port: number) => void
}

/**
 * The first words on a connection. Each side asks the other one; the answer comes when the asked peer has seen the
 * asker's subscription, and names the peers that it knows. So when both have been answered, announcements reach
 * either side, and through one bootstrap peer everybody hears of everybody.
 */
export class Introductions {
  readonly #init: IntroductionsInit

  constructor(init: IntroductionsInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    const options = { maxInboundStreams: 4, maxOutboundStreams: 4, runOnLimitedConnection: true }
    await this.#init.node.handle(HELLO_PROTOCOL, (stream, connection) => this.#accept(stream, connection), options)
  }

  /** True when the peer is of this run and announcements flow both ways. Rejects when it goes, or says nothing sensible. */
  async greet(peer: PeerId, gone: AbortSignal): Promise<boolean> {
    return within(HELLO_MILLISECONDS, gone, (signal) => {
      const opening = openStream(this.#init.node, peer, HELLO_PROTOCOL, { signal })
      return converse(opening, { peer, what: `hello to ${peer}`, signal }, async (wire, reader) => {
        wire.send(encodeFrame(encodeHello({ topic: this.#init.topic, fastPort: this.#init.fastPort(), peers: [] })))
        const answer = decodeHello(await readFrame(reader, HELLO_LIMIT))
        wire.close()
        if (answer.topic !== this.#init.topic) return false
        this.#init.fastPortOf(peer, answer.fastPort)
        for (const { id, addresses } of answer.peers) this.#init.learn(id, addresses)
        await this.#subscription(peer, signal)
        return true
      })
    })
  }

  #accept(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    this.#attend(new StreamWire(stream, peer)).catch(() => undefined)
  }

  async #attend(wire: StreamWire): Promise<void> {
    const { peer } = wire
    const gone = new AbortController()
    void wire.broken.then((error) => gone.abort(error))
    await within(HELLO_MILLISECONDS, gone.signal, (signal) =>
      talk(wire, { what: `hello of ${peer}`, signal }, async (_, reader) => {
        const hello = decodeHello(await readFrame(reader, HELLO_LIMIT))
        const { topic, fastPort } = this.#init
        const same = hello.topic === topic
        if (same) await this.#subscription(peer, signal)
        const answer = { topic, fastPort: same ? fastPort() : 0, peers: same ? await this.#known(peer) : [] }
        wire.send(encodeFrame(encodeHello(answer)))
        wire.close()
      })
    )
  }

  async #subscription(peer: PeerId, signal: AbortSignal): Promise<void> {
    const { gossip } = this.#init
    if (gossip.subscribers().includes(peer)) return
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        unsubscribe()
        stop()
      }
      const unsubscribe = gossip.onSubscription((changed) => {
        if (changed !== peer || !gossip.subscribers().includes(peer)) return
        end()
        resolve()
      })
      const stop = onAbort(signal, () => {
        unsubscribe()
        reject(interruption(signal, `subscription of ${peer}`))
      })
    })
  }

  async #known(asker: PeerId): Promise<Hello['peers']> {
    // by subscription, as the answers are: of two that come at once, the one answered last hears of the other
    const members = this.#init.gossip.subscribers().filter((peer) => peer !== asker)
    const known = await Promise.all(
      someOf(members).map(async (id) => {
        const { addresses } = await this.#init.node.peerStore.get(peerIdFromString(id))
        return {
          id,
          addresses: tellable(
            addresses.map(({ multiaddr }) => multiaddr),
            ADDRESSES_PER_PEER
          )
        }
      })
    )
    // addresses are whatever each peer says of itself
    let room = HELLO_LIMIT - REST_OF_HELLO
    return known.filter((peer) => {
      const bytes = Buffer.byteLength(JSON.stringify(written(peer))) + 1
      if (bytes > room) return false
      room -= bytes
      return true
    })
  }
}

/** As many as a hello holds, others each time: who greets several peers hears of all, and nobody is left out by every one. */
function someOf(members: readonly PeerId[]): readonly PeerId[] {
  const first = members.length > PEERS_PER_HELLO ? Math.floor(Math.random() * members.length) : 0
  return [...members.slice(first), ...members.slice(0, first)].slice(0, PEERS_PER_HELLO)
}

function encodeHello({ topic, fastPort, peers }: Hello): Uint8Array {
  return Buffer.from(JSON.stringify({ topic, fastPort, peers: peers.map(written) }))
}

function written({ id, addresses }: Hello['peers'][number]) {
  return { id, addresses: addresses.map(String) }
}

function decodeHello(bytes: Uint8Array): Hello {
  const value: unknown = parseJson(bytes)
  if (typeof value !== 'object' || value === null || !('topic' in value && 'fastPort' in value && 'peers' in value)) {
    throw new PeergradError('corrupt', 'hello: got another form than {topic, fastPort, peers}')
  }
  const { topic, fastPort, peers } = value
  const port = typeof fastPort === 'number' && Number.isInteger(fastPort) && fastPort >= 0 && fastPort < 65_536
  if (typeof topic !== 'string' || !port || !Array.isArray(peers)) {
    throw new PeergradError('corrupt', 'hello: got a field of the wrong kind')
  }
  return { topic, fastPort, peers: peers.slice(0, PEERS_PER_HELLO).flatMap(introduced) }
}

function introduced(peer: unknown): { id: PeerId; addresses: Multiaddr[] }[] {
  if (typeof peer !== 'object' || peer === null || !('id' in peer && 'addresses' in peer)) return []
  const { id, addresses } = peer
  if (typeof id !== 'string' || id.length > 128 || !Array.isArray(addresses)) return []
  try {
    keyOfPeerId(id)
  } catch {
    return []
  }
  return [{ id, addresses: usableAddresses(addresses, ADDRESSES_PER_PEER) }]
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new PeergradError('corrupt', `hello: got ${bytes.byteLength} bytes that are no JSON`, {}, { cause })
  }
}
