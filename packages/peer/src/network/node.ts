import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import type { Identify } from '@libp2p/identify'
import type { ComponentLogger, Libp2p, Metrics, MultiaddrConnection } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import { bootstrap, createLibp2p, gossipsub, identify, identifyPush, noise, ping, yamux } from '../bundled/libp2p.js'
import { parseAddress, peerOf } from './addresses.js'
import { gossipOptions } from './gossip.js'
import type { Identity } from './identity.js'
import { dialOrder } from './reach/dial-order.js'
import { internals, type Internals } from './reach/internals.js'
import type { LocalAddresses } from './reach/local-addresses.js'
import { relayServer, relayTransport, type RelayGate } from './reach/relay.js'
import { webSocketTransport } from './reach/web-socket.js'
import { loadTransport } from './transport.js'

/**
 * A connection is closed when a ping on it is not answered within the limit (milliseconds). That is a last resort, for
 * those that do not beat; who is alive is for beats to say, and sooner. Shorter is not safe: a new connection costs far
 * more than a late answer, so a busy machine that closes connections gets busier. With 2 s and 5 s, sixteen peers that
 * started on two cores closed all of theirs again and again, and never came to rest.
 */
const PING = { interval: 10_000, limit: 30_000, streams: 8 }

export type NetworkNode = Libp2p<{
  identify: Identify
  ping: Ping
  pubsub: GossipSub
  internals: Internals
  relay?: CircuitRelayService
}>

export interface NodeInit {
  readonly identity: Identity
  readonly listen: readonly string[]
  readonly bootstrap: readonly string[]
  /** those of them that are relays to be reached through */
  readonly via?: readonly string[]
  readonly mdns: boolean
  readonly topic: string
  /** URL of a module to take the transport from, TCP when undefined */
  readonly transport: string | undefined
  readonly score: (peer: PeerId) => number
  /** Whether a connection from this peer is turned away once it is known who it is. */
  readonly denies: (peer: PeerId, connection: MultiaddrConnection) => boolean
  readonly excluded: (peer: PeerId) => boolean
  readonly local: LocalAddresses
  /** ask the router to let dials in; URLs of its description, none: it is searched for. Not asked when undefined. */
  readonly upnp: readonly string[] | undefined
  /** keep a part of the hash table in which peers find those of their run */
  readonly dht: boolean
  /** who may use this peer as a relay; undefined: nobody */
  readonly relay: RelayGate | undefined
  /** counts what the node does; nothing when undefined */
  readonly metrics?: ((components: { logger: ComponentLogger }) => Metrics) | undefined
}

/** A libp2p node, not yet started. Each setting that differs from the default says what the default breaks. */
export async function createNode(init: NodeInit): Promise<NetworkNode> {
  for (const address of init.listen) parseAddress(address, 'listen')
  for (const address of init.bootstrap) checkBootstrap(address, init.via?.includes(address) === true ? 'via' : 'join')
  const { relay } = init
  return createLibp2p({
    start: false,
    privateKey: init.identity.libp2pKey,
    // the default forgets after an hour where a peer is, also one that is connected all the while
    peerStore: { maxAddressAge: Infinity, maxPeerAge: Infinity },
    ...(init.metrics && { metrics: init.metrics }),
    addresses: { listen: [...init.listen] },
    transports: [await loadTransport(init.transport), webSocketTransport(), relayTransport()],
    connectionEncrypters: [noise()],
    // a window that grows to the default of 16 MiB fills the receiver with buffers faster than they are collected:
    // 4 MiB halves its CPU on loopback, and still is 400 MB/s at a round trip of 10 ms; keep-alive, on by default, tunes it
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 4 << 20 } })],
    // 5 new connections a second per host would fail most of the dials of a swarm that starts
    connectionManager: {
      inboundConnectionThreshold: 1000,
      // 300 by default: a peer that has them turns the others of a larger run away
      maxConnections: 4096,
      maxIncomingPendingConnections: 100,
      // no shorter time for one of several addresses than the default, 6 s: sixteen peers that start on two cores need it
      addressSorter: dialOrder(init.local)
    },
    // without a maxTimeout, one dead peer slows the next detection
    connectionMonitor: { pingInterval: PING.interval, pingTimeout: { minTimeout: PING.limit, maxTimeout: PING.limit } },
    connectionGater: {
      // the default refuses private addresses in browsers only; ours are all welcome
      denyDialMultiaddr: () => false,
      denyDialPeer: (peer) => init.excluded(peer.toString()),
      denyInboundEncryptedConnection: (peer, connection) => init.denies(peer.toString(), connection),
      denyInboundRelayReservation: (peer) => relay?.deniesReservation(peer.toString()) ?? true,
      denyOutboundRelayedConnection: (from, to) => relay?.deniesConnection(from.toString(), to.toString()) ?? true
    },
    peerDiscovery: [
      ...(init.bootstrap.length > 0 ? [bootstrap({ list: [...init.bootstrap], timeout: 0 })] : []),
      ...(init.mdns ? [await localDiscovery()] : [])
    ],
    services: {
      identify: identify(),
      // a relay is found, or the address changes, when others are connected already
      identifyPush: identifyPush(),
      // the default, 2 from one side and 1 to the other, closes the connection when a second one is under way for long
      ping: ping({ maxInboundStreams: PING.streams, maxOutboundStreams: PING.streams }),
      pubsub: gossipsub(gossipOptions(init.topic, init.score)),
      internals,
      ...(init.upnp !== undefined && { upnp: await portMapping(init.upnp) }),
      ...(init.dht && { dht: await hashTable() }),
      ...(relay !== undefined && { relay: relayServer() })
    }
  })
}

/** The services that few use are imported for them only. */
async function localDiscovery() {
  const { mdns } = await import('../bundled/mdns.js')
  return mdns()
}

async function portMapping(gateways: readonly string[]) {
  const { uPnPNAT } = await import('@libp2p/upnp-nat')
  const given = gateways.length > 0 && { gateways: [...gateways] }
  // an address that the router gave is dialled back like any other one
  return uPnPNAT({ portMappingDescription: 'peergrad', autoConfirmAddress: true, ...given })
}

/** All peers of peergrad that keep one have one table, whatever their run; its entries say who is of which. */
async function hashTable() {
  const { kadDHT, passthroughMapper } = await import('../bundled/kad-dht.js')
  // the default keeps no table behind private addresses, which a LAN has only
  return kadDHT({ protocol: '/peergrad/kad/1.0.0', clientMode: false, peerInfoMapper: passthroughMapper })
}

/** Error `argument` when it cannot listen, with the port when that is in use. */
export async function startNode(node: NetworkNode, listen: readonly string[]): Promise<void> {
  try {
    await node.start()
  } catch (cause) {
    await node.stop()
    throw listenError(cause, listen)
  }
}

function checkBootstrap(text: string, option: string): void {
  if (peerOf(parseAddress(text, option)) !== undefined) return
  const message = `${option}: got "${text}" without a peer, expected …/p2p/PeerId as the other peer prints it`
  throw new PeergradError('argument', message, { address: text })
}

/** What went wrong with listening at those addresses, as a sentence about them. */
export function listenError(cause: unknown, listen: readonly string[]): PeergradError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const taken = /EADDRINUSE[^\n]*?:(\d+)\b/.exec(reason)
  if (taken !== null) {
    const message = `listen: port ${taken[1]} is in use; stop what uses it, name another port, or 0 for any free one`
    return new PeergradError('argument', message, { listen, port: Number(taken[1]) }, { cause })
  }
  if (/EADDRNOTAVAIL/.test(reason)) {
    const message = `listen: ${listen.join(', ')} is no address of this machine; leave --listen out, or name one of its own`
    return new PeergradError('argument', message, { listen }, { cause })
  }
  const first = reason.split('\n', 1)[0]
  return new PeergradError('argument', `listen: cannot listen on ${listen.join(', ')}: ${first}`, { listen }, { cause })
}
