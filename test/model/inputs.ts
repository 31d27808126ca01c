import type { ContributionManifest, PeerId, Proposal } from '@peergrad/core'
import type { Subject } from './case.js'
import { describeSaying, type Saying } from './sayings.js'

/** An exchange that an agreement asked for; `outcome` is null unless it is to be adopted. */
export interface Exchange {
  readonly ballot: number
  readonly proposal: Proposal | null
  readonly outcome: string | null
}

/** Something that happens to one peer. */
export interface Input {
  /** inputs of the same text are the same */
  readonly text: string
  readonly run: (subject: Subject) => void
  /** this exchange has ended */
  readonly ends?: Exchange
  /** this outcome is in the store now */
  readonly holds?: string
  readonly contributes?: boolean
  readonly suspects?: PeerId
  readonly trusts?: PeerId
}

export const inputs = {
  contribute: (manifest: ContributionManifest): Input => ({
    text: 'contributes',
    contributes: true,
    run: (subject) => subject.manifest(manifest)
  }),

  hear: (members: readonly PeerId[], { from, body }: Saying): Input => ({
    text: `hears of ${members[from]}: ${describeSaying(body)}`,
    run: (subject) => {
      if (body.kind === 'manifest') subject.manifest(body.manifest)
      else if (body.kind === 'decision') subject.learn(body.decision, members)
      else subject.receive(members[from], body)
    }
  }),

  complete: (exchange: Exchange, outcome: string): Input => ({
    text: `${exchange.outcome === null ? 'ends' : 'adopts'} ${exchange.ballot} with ${outcome}`,
    ends: exchange,
    holds: outcome,
    run: (subject) => subject.completed(exchange.ballot, outcome)
  }),

  fail: (exchange: Exchange, peers: readonly PeerId[]): Input => ({
    text: `fails ${exchange.outcome === null ? '' : 'to adopt '}${exchange.ballot} because of [${peers.join()}]`,
    ends: exchange,
    run: (subject) => subject.failed(exchange.ballot, peers)
  }),

  suspect: (peer: PeerId): Input => ({
    text: `suspects ${peer}`,
    suspects: peer,
    run: (subject) => subject.lose(peer)
  }),

  trust: (peer: PeerId): Input => ({ text: `trusts ${peer}`, trusts: peer, run: (subject) => subject.regain(peer) }),

  distrust: (peer: PeerId): Input => ({ text: `catches ${peer} lying`, run: (subject) => subject.distrust(peer) }),

  collected: { text: 'has collected', run: (subject: Subject) => subject.collected() },

  settle: (ballot: number): Input => ({
    text: `has waited for the promises of ${ballot}`,
    run: (subject) => subject.settle(ballot)
  }),

  stalled: { text: 'is stalled', run: (subject: Subject) => subject.stalled() },

  hurry: { text: 'is hurried', run: (subject: Subject) => subject.hurry() }
}
