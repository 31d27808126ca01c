import type { Connection } from '@libp2p/interface'
import { PeergradError, type PeerId } from '@peergrad/core'
import { multiaddr } from '../../bundled/names.js'
import type { NetworkNode } from '../node.js'
import { relayOf } from './scope.js'

/** The relays that keep a way to this peer open: each knows it for as long as the connection to it stands. */
export class Reservations {
  readonly #node: NetworkNode
  readonly #held = new Map<PeerId, Connection>()

  constructor(node: NetworkNode) {
    this.#node = node
  }

  /** The relays that are there now. */
  held(): readonly Connection[] {
    const { transportManager } = this.#node.services.internals
    // libp2p asks for another two hours by itself, once: when that fails, the address is gone and the connection is not
    const there = new Set(transportManager.getAddrs().flatMap((address) => relayOf(address) ?? []))
    for (const [relay, connection] of this.#held)
      if (connection.status !== 'open' || !there.has(relay)) this.#held.delete(relay)
    return [...this.#held.values()]
  }

  has(relay: PeerId): boolean {
    return this.held().some(({ remotePeer }) => remotePeer.toString() === relay)
  }

  /** Asks the peer at the other end for a place, and announces the address through it. Error `unreachable`. */
  async reserve(connection: Connection): Promise<void> {
    const relay = connection.remotePeer.toString()
    const at = connection.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, '')
    try {
      await this.#node.services.internals.transportManager.listen([multiaddr(`${at}/p2p/${relay}/p2p-circuit`)])
    } catch (cause) {
      const message = `${relay} is no relay for this peer: it is none, has no place left, or may not be asked`
      throw new PeergradError('unreachable', message, { relay }, { cause })
    }
    this.#held.set(relay, connection)
  }
}
