import type { Connection, Libp2p, NewStreamOptions, Stream } from '@libp2p/interface'
import type { PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import { hostOf } from './reach/scope.js'

/**
 * The connection for the next stream: a direct one when there is one, else one through a relay. (libp2p's own choice
 * takes none that a relay limits, and would dial a new one for each stream.)
 */
export function bestConnection(node: Libp2p, peer: PeerId): Connection | undefined {
  const open = node.getConnections(peerIdFromString(peer)).filter(({ status }) => status === 'open')
  return open.find(({ direct }) => direct) ?? open[0]
}

/** A stream on the best connection, which is dialled when there is none. */
export async function openStream(
  node: Libp2p,
  peer: PeerId,
  protocol: string,
  options: NewStreamOptions
): Promise<Stream> {
  const { signal } = options
  const connection =
    bestConnection(node, peer) ?? (await node.dial(peerIdFromString(peer), signal === undefined ? {} : { signal }))
  return connection.newStream(protocol, { ...options, runOnLimitedConnection: true })
}

/** Where the other end is, when nobody is between. */
export function directHost(connection: Connection | undefined): string | undefined {
  return connection?.direct === true ? hostOf(connection.remoteAddr) : undefined
}
