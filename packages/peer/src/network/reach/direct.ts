import type { Libp2p, PeerId as Libp2pPeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isRelayed, scopeOf } from './scope.js'

const DIAL_MILLISECONDS = 10_000
const ADDRESSES = 4

/** Whether a peer that is reached through a relay can be dialled at an address that it announces, public or private. */
export async function dialDirectly(node: Libp2p, peer: Libp2pPeerId): Promise<boolean> {
  const { addresses } = await node.peerStore.get(peer)
  const direct = addresses
    .map(({ multiaddr }) => multiaddr)
    .filter(worthATry)
    .slice(0, ADDRESSES)
  if (direct.length === 0) return false
  const whole = direct.map((address) => address.encapsulate(`/p2p/${peer.toString()}`))
  try {
    await node.dial(whole, { force: true, signal: AbortSignal.timeout(DIAL_MILLISECONDS) })
    return true
  } catch {
    return false
  }
}

function worthATry(address: Multiaddr): boolean {
  return !isRelayed(address) && scopeOf(address) !== 'loopback'
}
