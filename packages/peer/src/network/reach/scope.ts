import { BlockList, isIP } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { multiaddr } from '../../bundled/names.js'

/** How far an address reaches: this machine, one cable, a private network, everybody. */
export type Scope = 'loopback' | 'link' | 'lan' | 'public'

const RANGES: readonly (readonly [Exclude<Scope, 'public'>, BlockList])[] = [
  ['loopback', blocks('127.0.0.0/8', '::1/128')],
  ['link', blocks('169.254.0.0/16', 'fe80::/10')],
  // RFC 1918, RFC 6598 (carrier-grade NAT), RFC 4193
  ['lan', blocks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7')]
]

/** Of an IP address. */
export function scopeOfHost(host: string): Scope {
  const family = familyOf(host)
  return RANGES.find(([, list]) => list.check(host, family))?.[0] ?? 'public'
}

/** Of the first host in an address; a name reaches everybody. For an address through a relay, of the relay. */
export function scopeOf(address: Multiaddr): Scope {
  const host = hostOf(address)
  if (host !== undefined) return scopeOfHost(host)
  return address.getComponents()[0]?.value === 'localhost' ? 'loopback' : 'public'
}

/** How far an address reaches that is given as text. */
export function reachOf(text: string): { readonly scope: Scope; readonly relayed: boolean } {
  const address = multiaddr(text)
  return { scope: scopeOf(address), relayed: isRelayed(address) }
}

/** The first IP address in it; undefined when there are names only. */
export function hostOf(address: Multiaddr): string | undefined {
  return address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value
}

/** Whether the way goes through another peer. */
export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}

/** The peer that a way goes through, if any. */
export function relayOf(address: Multiaddr): string | undefined {
  const components = address.getComponents()
  const circuit = components.findIndex(({ name }) => name === 'p2p-circuit')
  return components.slice(0, Math.max(0, circuit)).findLast(({ name }) => name === 'p2p')?.value
}

/** Networks, as `192.0.2.0/24`. */
export function blocks(...networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [host = '', length] = network.split('/')
    list.addSubnet(host, Number(length), familyOf(host))
  }
  return list
}

export function familyOf(host: string): 'ipv4' | 'ipv6' {
  return isIP(host) === 6 ? 'ipv6' : 'ipv4'
}

/** As the text of a multiaddr. */
export function tcpAddress(host: string, port: number): string {
  return `/${familyOf(host) === 'ipv6' ? 'ip6' : 'ip4'}/${host}/tcp/${port}`
}
