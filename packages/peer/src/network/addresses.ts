import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import { multiaddr } from '../bundled/names.js'
import { hostOf, isRelayed, scopeOf, type Scope } from './reach/scope.js'

/** Longer ones than any that we can dial. */
const ADDRESS_LIMIT = 256

/** Error `argument` with the text, and the option that has it, when it is no multiaddr. */
export function parseAddress(text: string, option = 'address'): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    const message = `${option}: got "${text}", expected a multiaddr such as /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…`
    throw new PeergradError('argument', message, { address: text }, { cause })
  }
}

/** The peer that an address names with its last /p2p/ part. */
export function peerOf(address: Multiaddr): PeerId | undefined {
  return address.getComponents().findLast(({ name }) => name === 'p2p')?.value
}

/** What reaches furthest first; of two that reach as far, the direct one. */
export function byReach(addresses: readonly Multiaddr[]): Multiaddr[] {
  const order: readonly Scope[] = ['public', 'lan', 'link', 'loopback']
  const rank = (address: Multiaddr) => 2 * order.indexOf(scopeOf(address)) + Number(isRelayed(address))
  return [...addresses].sort((a, b) => rank(a) - rank(b))
}

/** Those that others are told, or that are kept: what reaches furthest, at most `limit`, and none that nobody would take. */
export function tellable(addresses: readonly Multiaddr[], limit: number): Multiaddr[] {
  return byReach(addresses.filter((address) => address.toString().length <= ADDRESS_LIMIT)).slice(0, limit)
}

/** The addresses of a stranger's message that are worth a try, at most `limit`. */
export function usableAddresses(texts: readonly unknown[], limit: number): Multiaddr[] {
  const usable: Multiaddr[] = []
  for (const text of texts.slice(0, limit)) {
    if (typeof text !== 'string' || text.length > ADDRESS_LIMIT) continue
    try {
      const address = multiaddr(text)
      if (hostOf(address) !== undefined) usable.push(address)
    } catch {
      // a newer peer may know kinds of addresses that this one does not
    }
  }
  return usable
}

/** As others should dial this peer: what reaches furthest first, loopback last, each with the peer's id. */
export function dialable(addresses: readonly Multiaddr[], peer: PeerId): string[] {
  return byReach(addresses).map((address) => {
    const text = address.toString()
    return peerOf(address) === undefined ? `${text}/p2p/${peer}` : text
  })
}
