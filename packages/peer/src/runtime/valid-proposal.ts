import type { ContributionManifest, PeerId, Proposal } from '@peergrad/core'
import { isRing } from './ring-order.js'

export interface ProposedIn {
  readonly round: number
  /** of the round's view, by rank */
  readonly members: ReadonlySet<PeerId>
  /** whether a contribution has the run's length, and as many samples as it may */
  readonly fits: (contribution: ContributionManifest) => boolean
  /** whether the run ends with this round; undefined where the accuracy that is aimed at says so */
  readonly last: boolean | undefined
  /** whether the strategy may do without members */
  readonly retires: boolean
  /** whether each piece of evidence proves a lie */
  readonly convinces: (evidence: Proposal['evidence']) => boolean
}

/**
 * Contributions of members to this round, each once, by rank, and of the model's length; none only for some to leave; a next view in
 * which who stays keeps its place and newcomers come by their names; and the end of the run where it is.
 */
export function isValidProposal(
  { contributions, members: next, retired, evidence, finish, ring }: Proposal,
  { round, members, fits, last, retires, convinces }: ProposedIn
): boolean {
  const peers = contributions.map(({ peer }) => peer)
  const goes = (peer: PeerId) => members.has(peer) && !next.includes(peer)
  return (
    (peers.length > 0 ? last === undefined || last === finish : [...members].some(goes) && !finish) &&
    new Set(peers).size === peers.length &&
    new Set(next).size === next.length &&
    (ring === undefined || isRing(ring, peers.length)) &&
    contributions.every((given) => given.round === round && fits(given)) &&
    peers.every((peer) => members.has(peer)) &&
    (retires || retired.length === 0) &&
    isInOrder(peers, [...members]) &&
    isInOrder(next, [...members, ...next.filter((peer) => !members.has(peer)).sort()]) &&
    retired.every(goes) &&
    evidence.every(({ peer }) => goes(peer)) &&
    convinces(evidence)
  )
}

function isInOrder(peers: readonly PeerId[], order: readonly PeerId[]): boolean {
  const places = new Map(order.map((peer, place) => [peer, place]))
  const taken = peers.map((peer) => places.get(peer) ?? -1)
  return taken.every((place, index) => index === 0 || place > taken[index - 1])
}
