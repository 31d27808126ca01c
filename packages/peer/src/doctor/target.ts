import { lookup } from 'node:dns/promises'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { CODE_P2P } from '../bundled/names.js'
import { parseAddress, peerOf } from '../network/addresses.js'
import { isRelayed, relayOf } from '../network/reach/scope.js'
import type { DialOutcome } from './messages.js'
import { tryTcp } from './tcp.js'

/** Families of `dns.lookup` by the part of a multiaddr that holds a host. */
const FAMILIES: Readonly<Record<string, 0 | 4 | 6>> = { ip4: 4, ip6: 6, dns: 0, dns4: 4, dns6: 6 }

/** Where a multiaddr leads. */
export interface Target {
  readonly text: string
  readonly host: string
  readonly port: number
  /** that is expected there; undefined when the address names none */
  readonly peer: PeerId | undefined
  /** what to dial: without the peer where it may be left out, so that whoever is there says who that is */
  readonly dialled: Multiaddr
  readonly family: 0 | 4 | 6
  /** host and port are those of a relay */
  readonly relayed: boolean
  /** that relay, where the address names it */
  readonly relay: PeerId | undefined
}

/** Error `argument` for what is no multiaddr, or one without a host and a TCP port. */
export function parseTarget(text: string): Target {
  const address = parseAddress(text)
  const parts = address.getComponents()
  const host = parts.find(({ name }) => name in FAMILIES)
  const port = parts.find(({ name }) => name === 'tcp')
  if (host?.value === undefined || port?.value === undefined) {
    const message = `address: got "${text}" without a host and a TCP port, expected /ip4/…/tcp/…/p2p/… or /dns4/…/tcp/…/p2p/…`
    throw new PeergradError('argument', `${message}; take one that the other peer prints`, { fault: 'no-address' })
  }
  const relayed = isRelayed(address)
  const peer = peerOf(address)
  return {
    text,
    host: host.value,
    port: Number(port.value),
    peer,
    dialled: relayed || peer === undefined ? address : address.decapsulateCode(CODE_P2P),
    family: FAMILIES[host.name] ?? 0,
    relayed,
    relay: relayOf(address)
  }
}

const SENTENCES: Readonly<Record<Exclude<DialOutcome, 'connected'>, (where: string) => string>> = {
  refused: (where) =>
    `dial ${where}: refused, nobody listens there; start the peer on that host, check the port, and look for a firewall that rejects`,
  timeout: (where) =>
    `dial ${where}: no answer; the host is off or another one, or a firewall in between drops what comes: open the port there`,
  unroutable: (where) =>
    `dial ${where}: there is no way to that host from here; an address of a private network is good in that network only`
}

/** Error `unreachable` with `data.fault`: `unresolved`, or how the connection was refused. */
export async function checkReachable(target: Target, patience: number): Promise<void> {
  const { host, port, family } = target
  const where = `${host} port ${port}`
  const found = await resolved(host, family, patience)
  if (found.length === 0) {
    const message = `dial ${where}: no address of that name; check how it is written, and the name server of this machine`
    throw new PeergradError('unreachable', message, { fault: 'unresolved' })
  }
  // of a name with several addresses one that works is enough
  let outcome: DialOutcome = 'unroutable'
  for (const address of found) {
    outcome = await tryTcp(address, port, patience)
    if (outcome === 'connected') return
  }
  throw new PeergradError('unreachable', SENTENCES[outcome](where), { fault: outcome })
}

/** The addresses of a name; none when nobody says one in time. */
async function resolved(host: string, family: 0 | 4 | 6, patience: number): Promise<readonly string[]> {
  let late: NodeJS.Timeout | undefined
  const none = new Promise<string[]>((resolve) => (late = setTimeout(() => resolve([]), patience)))
  const found = lookup(host, { family, all: true }).then(
    (all) => all.map(({ address }) => address),
    () => []
  )
  try {
    return await Promise.race([found, none])
  } finally {
    clearTimeout(late)
  }
}
