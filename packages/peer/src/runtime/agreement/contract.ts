import type { ContributionManifest, ControlMessage, Digest, PeerId, Proposal, View } from '@peergrad/core'

/** What one round became: the same at every peer that learns it. */
export interface Decision {
  readonly ballot: number
  readonly proposal: Proposal
  readonly outcome: Digest
}

export type Body<K extends ControlMessage['kind']> = Omit<Extract<ControlMessage, { kind: K }>, 'run' | 'round'>
export type AgreementMessage =
  Body<'prepare'> | Body<'promise'> | Body<'propose'> | Body<'accept'> | Body<'failed'> | Body<'commit'>

/** What the agreement asks of the runtime. */
export interface AgreementEffects {
  /** to every other member */
  send(message: AgreementMessage): void
  /** make the exchange of this proposal, then call `completed` or `failed` with its ballot */
  attempt(ballot: number, proposal: Proposal): void
  /** fetch the outcome from one of these peers instead, then call `completed` or `failed` */
  adopt(ballot: number, adopted: Pick<Decision, 'proposal' | 'outcome'>, holders: readonly PeerId[]): void
  /** the attempt in hand was overtaken */
  abandon(): void
  decide(decision: Decision, holders: readonly PeerId[]): void
}

export interface AgreementInit {
  readonly view: View
  readonly self: PeerId
  /** members of the next view, the end of the run and the ring, as the coordinator sees them when it proposes */
  readonly next: (contributions: readonly ContributionManifest[]) => Omit<Proposal, 'contributions'>
  /** false for a proposal that no honest coordinator makes */
  readonly valid: (proposal: Proposal) => boolean
  /** fewer contributions than this are not proposed; 0: a round without any, for those that vote are about to go */
  readonly minimum: () => number
  readonly effects: AgreementEffects
}
