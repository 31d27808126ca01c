import type { ContributionManifest, ControlMessage, Digest, PeerId, Proposal, View } from '@peergrad/core'

/** What one round became: the same at every peer that learns it. */
export interface Decision {
  readonly ballot: number
  readonly proposal: Proposal
  readonly outcome: Digest
}

export type Body<K extends ControlMessage['kind']> = Omit<Extract<ControlMessage, { kind: K }>, 'run' | 'round'>
export type AgreementMessage = Body<'prepare'> | Body<'promise'> | Body<'propose'> | Body<'accept'> | Body<'failed'>

/** What is accepted in a ballot: a proposal, by its digest, and what its exchange ended with. */
export type Accepted = Pick<Body<'accept'>, 'proposal' | 'outcome'>

/** What the agreement asks of the runtime. */
export interface AgreementEffects {
  /** to every other member */
  send(message: AgreementMessage): void
  /** make the exchange of this proposal, then call `completed` or `failed` with its ballot */
  attempt(ballot: number, proposal: Proposal): void
  /** fetch the outcome from one of these peers instead, then call `completed` or `failed` */
  adopt(ballot: number, adopted: Pick<Decision, 'proposal' | 'outcome'>, holders: readonly PeerId[]): void
  /** too many would not make, or could not, what this peer proposed */
  opposed(): void
  /** in ballot after ballot members hold different outcomes of one exchange: these in the last one, one a member */
  divided(outcomes: readonly Digest[]): void
  /** the attempt in hand was overtaken */
  abandon(): void
  /** call `settle` with this ballot after a moment, in which what one member knows comes to all */
  pause(ballot: number): void
  decide(decision: Decision, holders: readonly PeerId[]): void
}

export interface AgreementInit {
  readonly view: View
  readonly self: PeerId
  /** false for one that only hears what the others accept */
  readonly votes: boolean
  /** false while this peer has forgotten what it accepted in this round: it came back to it, or took its state anew */
  readonly remembers: () => boolean
  /** members of the next view, the end of the run and the ring, as the coordinator sees them when it proposes */
  readonly next: (contributions: readonly ContributionManifest[]) => Omit<Proposal, 'contributions'>
  /** false for a proposal that no honest coordinator makes */
  readonly valid: (proposal: Proposal) => boolean
  /** false for one that this peer would not make, by what it knows now: another may know more, or lie */
  readonly plausible: (proposal: Proposal) => boolean
  /** digest of a proposal */
  readonly nameOf: (proposal: Proposal) => Digest
  /** fewer contributions than this are not proposed; 0: a round without any, for those that vote are about to go */
  readonly minimum: () => number
  readonly effects: AgreementEffects
}
