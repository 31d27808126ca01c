import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError } from '@peergrad/core'
import { RELAY_V2_HOP_CODEC } from '../bundled/libp2p.js'
import type { Identity } from '../network/identity.js'
import { bestConnection } from '../network/connections.js'
import { HELLO_PROTOCOL } from '../network/introductions.js'
import { networkError } from '../network/network-error.js'
import type { NetworkNode } from '../network/node.js'
import { bareNode } from './bare-node.js'
import type { Doctor, DoctorInit } from './doctor.js'
import { Identified } from './identified.js'
import { DOCTOR_PROTOCOL } from './messages.js'
import { checkReachable, parseTarget, type Target } from './target.js'
import { DoctorVisit } from './visit.js'

const PATIENCE = 5000
/** Node tells about each TCP socket that it is about to connect. */
const SOCKETS = 'net.client.socket'

export class DoctorNode implements Doctor {
  readonly #node: NetworkNode
  readonly #identity: Identity
  readonly #patience: number
  readonly #identified: Identified

  private constructor(node: NetworkNode, identity: Identity, patience: number) {
    this.#node = node
    this.#identity = identity
    this.#patience = patience
    this.#identified = new Identified(node)
  }

  static async start({ patience = PATIENCE }: DoctorInit): Promise<DoctorNode> {
    const { node, identity } = await bareNode([])
    return new DoctorNode(node, identity, patience)
  }

  async visit(address: string): Promise<DoctorVisit> {
    const target = parseTarget(address)
    await checkReachable(target, this.#patience)
    const { connection, localPort } = await this.#dial(target)
    const peer = connection.remotePeer.toString()
    if (target.peer !== undefined && peer !== target.peer) {
      connection.abort(new PeergradError('refused', 'another peer'))
      const message = `dial ${target.host} port ${target.port}: got the peer ${peer}, expected ${target.peer}`
      const advice =
        'it was started with another key, or the address is that of another host: ask its owner for the address that it prints'
      throw new PeergradError('refused', `${message}; ${advice}`, { fault: 'wrong-peer', peer })
    }
    await this.#checkSpeaks(connection, target)
    const said = await this.#identified.by(connection, this.#patience)
    const observed = await this.#seenByRelay(target)
    return new DoctorVisit({
      node: this.#node,
      identity: this.#identity,
      patience: this.#patience,
      address,
      peer,
      named: target.peer !== undefined,
      localPort,
      relays: said?.protocols.includes(RELAY_V2_HOP_CODEC) === true,
      observed
    })
  }

  async close(): Promise<void> {
    // what was asked and not waited for is of no use any more
    for (const connection of this.#node.getConnections()) connection.abort(new PeergradError('aborted', 'closed'))
    await this.#node.stop()
  }

  /** The port is connected to already: what fails now is the talk of libp2p. */
  async #dial(target: Target): Promise<{ connection: Connection; localPort: number | undefined }> {
    const { dialled, port } = target
    const sockets: Socket[] = []
    const note = (message: unknown) => sockets.push((message as { socket: Socket }).socket)
    subscribe(SOCKETS, note)
    const signal = AbortSignal.timeout(this.#patience)
    try {
      const connection = await this.#node.dial(dialled, { signal })
      const own = sockets.find(({ destroyed, remotePort }) => !destroyed && remotePort === port)
      return { connection, localPort: own?.localPort }
    } catch (thrown) {
      throw silence(target, thrown, signal)
    } finally {
      unsubscribe(SOCKETS, note)
    }
  }

  /** Where the relay in between sees this side, when there is one and it says so. */
  async #seenByRelay({ relay }: Target): Promise<Multiaddr | undefined> {
    const connection = relay === undefined ? undefined : bestConnection(this.#node, relay)
    if (connection === undefined) return undefined
    return (await this.#identified.by(connection, this.#patience))?.observedAddr
  }

  /** Error `refused` when it does not answer this doctor. */
  async #checkSpeaks(connection: Connection, { host, port }: Target): Promise<void> {
    const signal = AbortSignal.timeout(this.#patience)
    const what = `ask ${host} port ${port}`
    let protocol = ''
    try {
      const stream = await connection.newStream([DOCTOR_PROTOCOL, HELLO_PROTOCOL], {
        signal,
        runOnLimitedConnection: true
      })
      protocol = stream.protocol
      stream.abort(new PeergradError('aborted', 'nothing to ask on this one'))
    } catch (thrown) {
      if (!(thrown instanceof Error && thrown.name === 'UnsupportedProtocolError'))
        throw networkError(thrown, what, signal)
    }
    if (protocol === DOCTOR_PROTOCOL) return
    const old = protocol === HELLO_PROTOCOL
    const message = old ? 'a peer of peergrad that is too old for this doctor' : 'a libp2p peer, but none of peergrad'
    const advice = old
      ? 'install the same version on both hosts'
      : 'take the address that the other `peergrad peer` prints'
    throw new PeergradError('refused', `${what}: got ${message}; ${advice}`, {
      fault: old ? 'too-old' : 'not-peergrad'
    })
  }
}

/** The error of a dial that came no further than the port. */
function silence({ host, port, relayed }: Target, thrown: unknown, signal: AbortSignal): PeergradError {
  const { message } = networkError(thrown, `dial ${host} port ${port}`, signal)
  const what = relayed
    ? 'the relay there does not reach the peer; start that peer again, or take another relay'
    : 'something listens there, but no libp2p peer; check that the port is that of a peer, and not of its dashboard or of another program'
  const fault = relayed ? 'not-relayed' : 'not-libp2p'
  return new PeergradError('unreachable', `${message}: ${what}`, { fault }, { cause: thrown })
}
