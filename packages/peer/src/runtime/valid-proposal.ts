import type { ContributionManifest, PeerId, Proposal } from '@peergrad/core'
import { isRing } from './ring-order.js'

export interface ProposedIn {
  readonly round: number
  /** of the round's view */
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
 * Contributions of members to this round, each once and of the model's length; none only for some to leave; and the end of the
 * run where it is. Their order is free: two that founded one run at once have the same members in another order, until a round.
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
    ((retires && !finish) || retired.length === 0) &&
    retired.every(goes) &&
    evidence.every(({ peer }) => goes(peer)) &&
    convinces(evidence)
  )
}
