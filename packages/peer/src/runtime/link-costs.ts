import { LINKS_LIMIT, type LinkStatistics, type PeerId } from '@peergrad/core'

/** A round trip of this many milliseconds, and this many bytes a second, are as good as any: a local network has them. */
const NEAR = 5
const FAST = 32e6
/** Of a hop: a neighbour is told of the bytes, asks for them, and has them. */
const ROUND_TRIPS = 1.5
/** Links that are slower still are all alike. */
const SLOWEST = 20
/** Says that there is no link: whatever the others are like, a ring goes over them if it can. */
export const NONE = 254
/** Says that a link was not measured. */
export const UNMEASURED = 255

export interface LinksOf {
  readonly self: PeerId
  readonly links: readonly LinkStatistics[]
  /** peers to whom there is a link now */
  readonly connected: readonly PeerId[]
}

/**
 * What this peer says of its links: a byte for each member of the view, by rank. 0 is a link as good as a local network's,
 * each one more a link on which a hop of `bytes` takes twice as long; UNMEASURED is one whose round trip is not known, and
 * the own place, and NONE one that is not there. So coarse, a busy machine rarely changes it. A throughput that is not known counts as the median of those
 * that are. Undefined for a view of more than LINKS_LIMIT members.
 */
export function linkCosts(
  members: readonly PeerId[],
  { self, links, connected }: LinksOf,
  bytes: number
): Uint8Array | undefined {
  if (members.length > LINKS_LIMIT) return undefined
  const rows = new Map(links.map((link) => [link.peer, link]))
  const rates = links.flatMap(({ throughput }) => throughput ?? []).sort((a, b) => a - b)
  const usual = rates[(rates.length - 1) >> 1] ?? FAST
  const hop = (roundTrip: number, rate: number) => ROUND_TRIPS * roundTrip + (1000 * bytes) / Math.min(rate, FAST)
  const least = hop(NEAR, FAST)
  const there = new Set(connected)
  return Uint8Array.from(members, (peer) => {
    if (peer === self) return UNMEASURED
    if (!there.has(peer)) return NONE
    const { roundTripMilliseconds, throughput = usual } = rows.get(peer) ?? {}
    if (roundTripMilliseconds === undefined) return UNMEASURED
    const times = Math.round(Math.log2(hop(roundTripMilliseconds, throughput) / least))
    return Math.min(Math.max(times, 0), SLOWEST)
  })
}
