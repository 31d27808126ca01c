import { reachOf, type Scope } from '@peergrad/peer'

/** Addresses in the command at most: the one who joins tries them one after the other. */
const MOST = 4
/** Digits of the run's id: 128 bits, which nobody finds a second run for. */
const ID_DIGITS = 32

export interface Joinable {
  readonly addresses: readonly string[]
  /** id of the run */
  readonly run: string
  /** what lets in the first peer that comes with it, or whoever has it, and until when (time of day in milliseconds) */
  readonly invitation?: { readonly text: string; readonly until: number; readonly reusable: boolean }
  /** what the run asks for, and is in no command: its secret, or an invitation that this peer cannot make */
  readonly asks?: 'secret' | 'invitation'
}

export interface JoinCommand {
  readonly command: string
  /** from how far it works */
  readonly from: Scope
}

/**
 * The one command that joins this peer from another machine, with an address for each way in that another machine can
 * dial, the furthest reaching first: which of its networks reach this one is known there only. An address of this machine
 * alone when there is none. Undefined without an address.
 */
export function joinCommand({ addresses, run, invitation, asks }: Joinable): JoinCommand | undefined {
  const ways = new Map<string, Way>()
  for (const address of addresses) {
    const way = wayOf(address)
    // one for each host: TCP and WebSockets of one host lead to the same place
    const known = ways.get(way.host)
    if (known === undefined || way.rank < known.rank) ways.set(way.host, way)
  }
  const sorted = [...ways.values()].sort((a, b) => a.rank - b.rank)
  const [best] = sorted
  if (best === undefined) return undefined
  const useful = sorted.filter(({ scope }) => scope === 'public' || scope === 'lan').slice(0, MOST)
  const words = [
    'npx peergrad peer',
    ...(useful.length > 0 ? useful : [best]).map(({ address }) => `--join ${address}`),
    `--run-id ${run.slice(0, ID_DIGITS)}`,
    ...(invitation === undefined ? [] : [`--invitation ${invitation.text}`]),
    ...(asks === undefined ? [] : [asks === 'secret' ? '--secret-file FILE' : '--invitation TEXT'])
  ]
  return { command: words.join(' '), from: best.scope }
}

interface Way {
  readonly address: string
  readonly host: string
  readonly scope: Scope
  readonly rank: number
}

function wayOf(address: string): Way {
  const { scope, relayed } = reachOf(address)
  const order: readonly Scope[] = ['public', 'lan', 'link', 'loopback']
  const host = address.split('/')[2] ?? ''
  const rank = 4 * order.indexOf(scope) + 2 * Number(relayed) + Number(isBridge(address))
  return { address, host: relayed ? `${host} relays` : host, scope, rank }
}

/** Where Docker puts its bridges, 172.17.0.0/16 and up: mostly they lead to containers of this machine. */
function isBridge(address: string): boolean {
  return /^\/ip4\/172\.(1[7-9]|2\d|3[01])\./.test(address)
}
