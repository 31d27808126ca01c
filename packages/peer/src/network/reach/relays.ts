import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@peergrad/core'
import type { NetworkNode } from '../node.js'
import { relayOf } from './scope.js'

/** Whether a way may end with the connection to a peer: one through it, or, to whomever, one through this peer. */
export function mayRelay(node: NetworkNode, peer: PeerId): boolean {
  const through = (address: Multiaddr) => relayOf(address) === peer
  const { internals, relay } = node.services
  return (
    (relay?.reservations.size ?? 0) > 0 ||
    internals.transportManager.getAddrs().some(through) ||
    node.getConnections().some(({ remoteAddr }) => through(remoteAddr))
  )
}
