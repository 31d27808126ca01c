import type { AddressSorter } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { LocalAddresses } from './local-addresses.js'
import { hostOf, isRelayed, scopeOf } from './scope.js'

/**
 * Which addresses of a peer are tried first: its private one in a network of ours, public ones, through a relay, private
 * ones of networks that we are not in (another peer, or nobody, may be there), and last the peer's own loopback. libp2p
 * would try a relay before a neighbour, for the relay's address is public.
 */
export function dialOrder(local: LocalAddresses): AddressSorter {
  return (a, b) => Math.sign(rank(a.multiaddr, local) - rank(b.multiaddr, local)) as -1 | 0 | 1
}

function rank(address: Multiaddr, local: LocalAddresses): number {
  if (isRelayed(address)) return 2
  const scope = scopeOf(address)
  if (scope === 'public') return 1
  if (scope === 'loopback') return 4
  const host = hostOf(address)
  return host !== undefined && local.near(host) ? 0 : 3
}
