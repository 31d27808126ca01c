import type { PeerId } from '@peergrad/core'
import type { SeenRun } from '@peergrad/peer'
import { runId } from '../run-id.js'
import { findings, type Finding } from './finding.js'
import { founding, short, type Examined } from './peer/context.js'

const { ok, warn, fail } = findings('halves')

type Known = Examined & { readonly run: SeenRun }
const isKnown = (each: Examined): each is Known => each.run !== undefined

/** Whether peers of one run, asked one by one, are in one swarm. Undefined for fewer than two of a run. */
export function halves(all: readonly Examined[]): Finding | undefined {
  const unique = all.filter(({ visit }, index) => all.findIndex((each) => each.visit.peer === visit.peer) === index)
  const runs = grouped(unique.filter(isKnown), ({ run }) => runId(run.manifest))
  const peers = runs.find(({ length }) => length > 1)
  if (peers === undefined) return undefined
  const groups = grouped(peers, foundingOf)
  if (groups.length > 1) return foundings(groups)
  const parts = components(peers)
  if (parts.length > 1) return cutOff(parts)
  const strangers = peers
    .flatMap((a, index) => peers.slice(index + 1).map((b) => [a, b] as const))
    .find(([a, b]) => !knows(a, b))
  if (strangers === undefined) return ok(`the ${peers.length} peers asked are of one founding, and connected`)
  const [a, b] = strangers
  return warn(
    'no-direct-link',
    `${nameOf(a)} and ${nameOf(b)} have no connection to each other, though both to others of the run`,
    'run `peergrad doctor` on one of the two with the address of the other: one of both must be able to dial the other'
  )
}

const foundingOf = ({ run: { lineage } }: Known) => `${lineage.founder} ${lineage.founded}`

const nameOf = ({ visit }: Examined) => short(visit.peer)

const knows = (a: Examined, b: Examined) => a.seen.peers.includes(b.visit.peer) || b.seen.peers.includes(a.visit.peer)

function foundings(groups: readonly (readonly Known[])[]): Finding {
  const since = (group: readonly Known[]) => group.slice(0, 1).map(({ run }) => founding(run.lineage))
  const described = groups.map((group) => `${group.map(nameOf).join(', ')} (${since(group).join()})`)
  return fail(
    'two-foundings',
    `one run was founded ${groups.length} times, and its parts do not know of each other: ${described.join(' | ')}`,
    joined(groups, 'the one that was founded first goes on, and the others take its state')
  )
}

function cutOff(parts: readonly (readonly Examined[])[]): Finding {
  const described = parts.map((part) => {
    const others = new Set(part.flatMap(({ seen }) => seen.peers))
    return `${part.map(nameOf).join(', ')} (connected to ${others.size} of the run)`
  })
  return fail(
    'cut-off',
    `one run is in ${parts.length} parts that have no connection to each other: ${described.join(' | ')}`,
    joined(parts, 'a part without a majority waits until then')
  )
}

function joined(parts: readonly (readonly Examined[])[], then: string): string {
  const addresses = parts.map((part) => `--join ${part[0]?.visit.address}`).join(' ')
  return `connect them: mend the network between their hosts, or start one peer with ${addresses}; ${then}`
}

/** Peers that are connected to each other, or to the same other. */
function components(peers: readonly Examined[]): Examined[][] {
  const parts: { readonly ids: Set<PeerId>; readonly peers: Examined[] }[] = []
  for (const peer of peers) {
    const ids = new Set([peer.visit.peer, ...peer.seen.peers])
    const touching = parts.filter((part) => [...ids].some((id) => part.ids.has(id)))
    const whole = { ids, peers: [peer] }
    for (const part of touching) {
      parts.splice(parts.indexOf(part), 1)
      part.ids.forEach((id) => whole.ids.add(id))
      whole.peers.unshift(...part.peers)
    }
    parts.push(whole)
  }
  return parts.map((part) => part.peers)
}

function grouped<T>(peers: readonly T[], by: (peer: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const peer of peers) groups.set(by(peer), [...(groups.get(by(peer)) ?? []), peer])
  return [...groups.values()]
}
