import { quorum, type ContributionManifest, type PeerId, type Proposal } from '@peergrad/core'
import type { AgreementInit, RoundAgreement } from '@peergrad/peer'

/** What of the agreement is driven here: its public methods. */
export type Subject = Pick<
  RoundAgreement,
  | 'manifest'
  | 'collected'
  | 'stalled'
  | 'hurry'
  | 'settle'
  | 'lose'
  | 'regain'
  | 'distrust'
  | 'completed'
  | 'failed'
  | 'receive'
  | 'learn'
  | 'snapshot'
>

/**
 * What may disturb a round: `collected`, `stalled` or `hurry` at anybody, somebody suspected by anybody, rightly or not (and
 * perhaps trusted again), an exchange that fails with anybody blamed, the last member caught lying by anybody.
 */
export type Disturbance = 'timeout' | 'stall' | 'hurry' | 'suspicion' | 'failure' | 'lie'

export interface Case {
  readonly members: number
  /** what happens at most `times` in one history, counted together */
  readonly disturbances?: readonly Disturbance[]
  readonly times?: number
  /** every manifest is everywhere when the round begins */
  readonly gathered?: boolean
  /** a proposal needs the contributions of a majority; else one is enough */
  readonly many?: boolean
  /** one exchange may have two outcomes, as with a strategy that is not deterministic */
  readonly torn?: boolean
  /** the last member announces two manifests, and each peer hears either first */
  readonly equivocates?: boolean
  /** a broken agreement that is to be found out */
  readonly make?: (init: AgreementInit) => Subject
}

export function membersOf({ members }: Case): PeerId[] {
  return Array.from({ length: members }, (_, index) => String.fromCharCode(65 + index))
}

/** What the member of this index announces. */
export function manifestsOf(given: Case, self: number): ContributionManifest[] {
  const peer = membersOf(given)[self]
  const manifest = { peer, round: 0, digest: peer.toLowerCase(), words: 1, length: 1, samples: 1, loss: 1 }
  const twice = given.equivocates && self === given.members - 1
  return twice ? [manifest, { ...manifest, digest: `${manifest.digest}'` }] : [manifest]
}

export function minimumOf({ many, members }: Case): number {
  return many ? quorum(members) : 1
}

/** What a proposal is called. */
export function nameOf(proposal: Proposal): string {
  return JSON.stringify(proposal)
}

/** Digest of what this proposal's exchange ends with: of its contributions alone, as in a run. */
export function outcomeOf({ contributions }: Proposal): string {
  return contributions.map(({ digest }) => digest).join('')
}
