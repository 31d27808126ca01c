import type { MultiaddrConnection } from '@libp2p/interface'
import { PeergradError, type PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import { onAbort } from '../deferred.js'
import { beatInterval } from '../membership/beat-interval.js'
import { parseAddress, peerOf } from './addresses.js'
import { networkError } from './network-error.js'
import type { NetworkNode } from './node.js'
import { isRelayed } from './reach/scope.js'
import { within } from './within.js'

/** How long a dial that was turned away waits for the other side's own dial. */
const CROSSED_MILLISECONDS = 1000
/**
 * Intervals between beats, of as many peers as there are connections: one that dials while its connection here has been
 * without a beat for so many has lost that, and has another address.
 */
const QUIET_INTERVALS = 2

export interface DialsInit {
  readonly node: NetworkNode
  readonly self: PeerId
  readonly excluded: (peer: PeerId) => boolean
  /** whether this peer is dialling that one */
  readonly dialling: (peer: PeerId) => boolean
  /** milliseconds since the last beat on the connection; undefined before the first one */
  readonly quiet: (peer: PeerId) => number | undefined
  readonly cut: (peer: PeerId, reason: PeergradError) => void
}

/** Dials that are asked for, and which of two that cross is kept. */
export class Dials {
  readonly #init: DialsInit

  constructor(init: DialsInit) {
    this.#init = init
  }

  /**
   * Two peers that dial each other at once would have two connections, and gossipsub may choose the one that goes:
   * the connection that the smaller id dialled is kept. A direct one is welcome beside a relayed one, which it replaces.
   */
  denies(peer: PeerId, { remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): boolean {
    const { node, self, excluded, dialling, quiet, cut } = this.#init
    if (excluded(peer)) return true
    const relayed = isRelayed(remoteAddr)
    const lost = QUIET_INTERVALS * beatInterval(node.getConnections().length)
    if (!relayed && (quiet(peer) ?? 0) >= lost) {
      cut(peer, new PeergradError('unreachable', `${peer} connects anew`))
    }
    if (self > peer) return false
    const there = node.getConnections(peerIdFromString(peer))
    return dialling(peer) || there.some(({ direct }) => direct || relayed)
  }

  /** Errors: `unreachable`, which says what to look at, `aborted`, `timeout`. */
  async dial(address: string, signal: AbortSignal): Promise<PeerId> {
    const target = parseAddress(address)
    const peer = peerOf(target)
    try {
      const connection = await this.#init.node.dial(target, { signal })
      return connection.remotePeer.toString()
    } catch (thrown) {
      // the smaller id turns a dial away when it is dialling itself
      const crossed = peer !== undefined && peer < this.#init.self && !signal.aborted
      if (crossed && (await this.#appears(peer, signal))) return peer
      const error = networkError(thrown, `dial ${address}`, signal)
      if (error.code !== 'unreachable') throw error
      const message = `${error.message}; check that the peer runs and that its address can be reached from here`
      throw new PeergradError('unreachable', message, { address }, { cause: thrown })
    }
  }

  /** Whether the peer connects by itself within a moment. */
  async #appears(peer: PeerId, signal: AbortSignal): Promise<boolean> {
    const { node } = this.#init
    const id = peerIdFromString(peer)
    if (node.getConnections(id).length === 0) {
      await within(CROSSED_MILLISECONDS, signal, (limit) => this.#connects(peer, limit))
    }
    return node.getConnections(id).length > 0
  }

  /** Resolves when the peer connects, or when the signal aborts. */
  #connects(peer: PeerId, limit: AbortSignal): Promise<void> {
    const { node } = this.#init
    return new Promise((resolve) => {
      const onConnect = ({ detail }: CustomEvent<{ toString(): string }>) => detail.toString() === peer && end()
      const end = () => {
        node.removeEventListener('peer:connect', onConnect)
        stop()
        resolve()
      }
      const stop = onAbort(limit, end)
      node.addEventListener('peer:connect', onConnect)
    })
  }
}
