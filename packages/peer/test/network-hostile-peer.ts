import '../dist/network/with-resolvers.js'
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { identify } from '@libp2p/identify'
import type { Identify } from '@libp2p/identify'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import type { Ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Logger } from '@peergrad/core'
import type { NetworkMesh } from '@peergrad/peer'
import { createLibp2p } from 'libp2p'
import { once } from 'node:events'
import { encodeFrame } from '../dist/network/frames.js'
import { gossipOptions } from '../dist/network/gossip.js'
import type { Identity } from '../dist/network/identity.js'

export const TOPIC = 'peergrad/hostile/control'

/** A stream with the few things that a liar needs. */
export interface Victim {
  send(bytes: Uint8Array): void
  /** the next bytes that come, whatever they are */
  next(): Promise<Buffer>
  end(): void
  reset(): void
}

export type Behaviour = (victim: Victim) => Promise<void> | void

/** A libp2p node that speaks the protocols as a test tells it to. */
export async function hostilePeer(identity: Identity) {
  const services = { identify: identify(), ping: ping(), pubsub: gossipsub(gossipOptions(TOPIC, () => 0)) }
  const node: Libp2p<{ pubsub: GossipSub; ping: Ping; identify: Identify }> = await createLibp2p({
    privateKey: identity.libp2pKey,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services
  })
  node.services.pubsub.subscribe(TOPIC)
  // a friendly face, so that the victim takes it for a peer of its run
  await node.handle('/peergrad/hello/1', (stream) => {
    const victim = victimOf(stream)
    void victim.next().then(() => {
      victim.send(encodeFrame(Buffer.from(JSON.stringify({ topic: TOPIC, fastPort: 0, peers: [] }))))
      victim.end()
    })
  })
  return {
    node,
    self: identity.peer,
    address: node.getMultiaddrs()[0]?.toString() ?? '',
    /** Resolves when it knows that the peer takes announcements. */
    async subscribed(peer: string) {
      const { pubsub } = node.services
      const knows = () => pubsub.getSubscribers(TOPIC).some((subscriber) => subscriber.toString() === peer)
      while (!knows()) await once(pubsub, 'subscription-change')
    },
    /** How it answers on a protocol. */
    answer(protocol: string, behave: Behaviour) {
      return node.handle(protocol, (stream: Stream) => void behave(victimOf(stream)), { force: true })
    },
    /** Opens a stream to do something on it. */
    async attack(address: Connection, protocol: string): Promise<Victim> {
      return victimOf(await address.newStream(protocol))
    }
  }
}

function victimOf(stream: Stream): Victim {
  const chunks: Buffer[] = []
  let wake: (() => void) | undefined
  let over = stream.status !== 'open'
  stream.addEventListener('message', ({ data }) => {
    chunks.push(Buffer.from(data.subarray()))
    wake?.()
  })
  const ended = () => {
    over = true
    wake?.()
  }
  stream.addEventListener('close', ended)
  stream.addEventListener('remoteCloseWrite', ended)
  return {
    send(bytes) {
      if (stream.writeStatus === 'writable') stream.send(bytes)
    },
    async next() {
      if (chunks.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve))
      wake = undefined
      return chunks.shift() ?? Buffer.alloc(0)
    },
    end: () => void stream.close().catch(() => undefined),
    reset: () => stream.abort(new Error('hostile'))
  }
}

/** Offences that a mesh reported, and waiting for one. */
export function offences() {
  const all: string[] = []
  const waiting = new Set<() => void>()
  const note = (fields: Readonly<Record<string, unknown>>, message: string) => {
    if (message !== 'offence reported') return
    all.push(`${String(fields['peer'])} ${String(fields['offence'])}`)
    for (const wake of waiting) wake()
  }
  const logger: Logger = { debug: () => {}, info: note, warn: note, error: () => {} }
  const reported = (text: string, times = 1) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (all.filter((entry) => entry === text).length < times) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })
  return { all, logger, reported }
}

/** Resolves when the peer is one of the run for the mesh. */
export async function connected(mesh: NetworkMesh, peer: string): Promise<void> {
  if (mesh.connected().includes(peer)) return
  await new Promise<void>((resolve) => {
    const off = mesh.on('connect', (event) => {
      if (event.peer !== peer) return
      off()
      resolve()
    })
  })
}

export function firstOf(addresses: readonly string[]): string {
  const [first] = addresses
  if (first === undefined) throw new Error('the mesh has no address')
  return first
}
