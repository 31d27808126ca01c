import { once } from 'node:events'
import { createServer, isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Connection, MultiaddrConnection, Stream, Upgrader, UpgraderOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { multiaddr } from '../../bundled/names.js'
import { converse, talk } from '../conversation.js'
import type { NetworkNode } from '../node.js'
import { StreamWire } from '../stream-wire.js'
import { TokenBuckets } from '../token-bucket.js'
import { jsonFrame, portOf, readJsonFrame } from './json-frames.js'
import { scopeOfHost, tcpAddress } from './scope.js'

const PUNCH_PROTOCOL = '/peergrad/punch/1'
const STREAMS = 2
/** For all of it, the dial included. */
const PUNCH_MILLISECONDS = 8000
/** A router that answers a dial for nobody says no at once: the other side's dial may not be out yet. */
const PAUSE = 100
/** Attempts that one peer may ask for. */
const RATE = { burst: 4, perSecond: 1 / 60 }

export interface PunchInit {
  readonly node: NetworkNode
  /** the public IP address that others see this peer at, when that is known */
  readonly host: () => string | undefined
}

interface Ends {
  readonly to: Multiaddr
  readonly localPort: number
  readonly initiator: boolean
  readonly signal: AbortSignal
}

/**
 * A direct connection between two peers behind routers that let nobody in. Over the relay each says from where it is about
 * to dial; then both dial at once, so that each router sees an answer to what went out (simultaneous open, RFC 9293,
 * section 3.5; RFC 5128, section 3.4). DCUtR of libp2p dials from a port of its own, at an address that is listened on,
 * which TCP routers see as two different things; so here the port that is dialled from is agreed. It takes routers that
 * keep the port of what goes out while it is free, as most at home do; with others both stay on the relay.
 */
export class Punch {
  readonly #init: PunchInit
  readonly #buckets = new TokenBuckets(RATE)
  readonly #made = new WeakSet<Connection>()

  constructor(init: PunchInit) {
    this.#init = init
  }

  async start(): Promise<void> {
    const options = { maxInboundStreams: STREAMS, maxOutboundStreams: STREAMS, runOnLimitedConnection: true }
    await this.#init.node.handle(
      PUNCH_PROTOCOL,
      (stream, connection) => {
        this.#attend(stream, connection).catch(() => undefined)
      },
      options
    )
  }

  /** Whether a connection came about so. Nobody else can dial a peer where it did. */
  made(connection: Connection): boolean {
    return this.#made.has(connection)
  }

  /** By one side of a relayed connection. Rejects when the two did not meet. */
  async attempt(connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(PUNCH_MILLISECONDS)
    const options = { signal, maxOutboundStreams: STREAMS, runOnLimitedConnection: true }
    const opening = connection.newStream(PUNCH_PROTOCOL, options)
    const peer = connection.remotePeer.toString()
    await converse(opening, { peer, what: `punch to ${peer}`, signal }, async (wire, reader) => {
      const localPort = await freePort()
      const asked = performance.now()
      wire.send(jsonFrame({ host: this.#host(), port: localPort }))
      const to = placeOf(await readJsonFrame(reader), peer)
      const there = (performance.now() - asked) / 2
      wire.send(jsonFrame({ go: true }))
      await delay(there, undefined, { signal })
      await this.#meet({ to, localPort, initiator: true, signal })
      wire.close()
    })
  }

  async #attend(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(PUNCH_MILLISECONDS)
    const peer = connection.remotePeer.toString()
    await talk(new StreamWire(stream, peer), { what: `punch from ${peer}`, signal }, async (wire, reader) => {
      if (connection.direct || !this.#buckets.take(peer)) {
        throw new PeergradError('refused', `${peer} asks for another connection too often`)
      }
      const to = placeOf(await readJsonFrame(reader), peer)
      const localPort = await freePort()
      wire.send(jsonFrame({ host: this.#host(), port: localPort }))
      await readJsonFrame(reader)
      await this.#meet({ to, localPort, initiator: false, signal })
      wire.close()
    })
  }

  /** Not by the node's dial: it knows neither the port to dial from nor who begins. */
  async #meet({ to, localPort, initiator, signal }: Ends): Promise<void> {
    const { transportManager, upgrader } = this.#init.node.services.internals
    const transport = transportManager.dialTransportForMultiaddr(to)
    if (transport === undefined) throw new PeergradError('unsupported', `punch: nothing here dials ${to.toString()}`)
    const options = { localPort, initiator, signal, upgrader: initiator ? upgrader : answering(upgrader) }
    for (;;) {
      try {
        this.#made.add(await transport.dial(to, options))
        return
      } catch (thrown) {
        if (signal.aborted) throw thrown
        await delay(PAUSE, undefined, { signal })
      }
    }
  }

  #host(): string {
    const host = this.#init.host()
    if (host !== undefined) return host
    throw new PeergradError('missing', 'punch: nobody has said yet at which address this peer is seen')
  }
}

/** Only public addresses: what is private is tried without a punch. */
function placeOf({ host, port }: Readonly<Record<string, unknown>>, peer: PeerId): Multiaddr {
  if (typeof host !== 'string' || isIP(host) === 0 || scopeOfHost(host) !== 'public') {
    throw new PeergradError('corrupt', `punch: got no public address of ${peer}`)
  }
  return multiaddr(`${tcpAddress(host, portOf(port))}/p2p/${peer}`)
}

/**
 * Takes what this end dialled as if it had come in: of two ends that dialled one only begins. libp2p's TCP calls both outbound
 * whoever begins, and yamux, which then finds a client at either end, closes the connection at its first stream.
 */
function answering(upgrader: Upgrader): Upgrader {
  const upgradeOutbound = (connection: MultiaddrConnection, options: UpgraderOptions) =>
    upgrader.upgradeOutbound(Object.assign(connection, { direction: 'inbound' as const }), options)
  return Object.create(upgrader, { upgradeOutbound: { value: upgradeOutbound } }) as Upgrader
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
