import type { PeerId, Proposal } from '@peergrad/core'
import { RoundAgreement, type AgreementInit, type AgreementMessage } from '@peergrad/peer'
import { nameOf, outcomeOf, type Case, type Subject } from './case.js'
import type { Bounds } from './explore.js'

export interface Mutant {
  readonly name: string
  /** where it is to be found out; every member has the same fault */
  readonly case: Case
  readonly bounds?: Bounds
  readonly law: RegExp
}

type Promise = Extract<AgreementMessage, { kind: 'promise' }>

/** An agreement with some of its methods replaced. */
function changed(inner: RoundAgreement, changes: Partial<Subject>): Subject {
  return {
    manifest: (manifest) => inner.manifest(manifest),
    collected: () => inner.collected(),
    stalled: () => inner.stalled(),
    hurry: () => inner.hurry(),
    lose: (peer) => inner.lose(peer),
    regain: (peer) => inner.regain(peer),
    distrust: (peer) => inner.distrust(peer),
    completed: (ballot, outcome) => inner.completed(ballot, outcome),
    failed: (ballot, peers) => inner.failed(ballot, peers),
    receive: (from, message) => inner.receive(from, message),
    learn: (decision, accepters) => inner.learn(decision, accepters),
    settle: (ballot) => inner.settle(ballot),
    snapshot: () => inner.snapshot(),
    ...changes
  }
}

/** An agreement that says other things than it should. */
function speaking(init: AgreementInit, send: (message: AgreementMessage) => AgreementMessage): RoundAgreement {
  const { effects } = init
  return new RoundAgreement({ ...init, effects: { ...effects, send: (message) => effects.send(send(message)) } })
}

/** An agreement that hears other promises than were made. */
function hearing(init: AgreementInit, change: (promise: Promise) => Promise): Subject {
  const inner = new RoundAgreement(init)
  return changed(inner, {
    receive: (from, message) => inner.receive(from, message.kind === 'promise' ? change(message) : message)
  })
}

/** Decides when so many have accepted. */
function deciding(init: AgreementInit, enough: number): Subject {
  const proposals = new Map<number, Proposal>()
  const accepts = new Map<string, Set<PeerId>>()
  const accept = (from: PeerId, ballot: number, outcome: string) => {
    const peers = accepts.get(`${ballot} ${outcome}`) ?? new Set()
    accepts.set(`${ballot} ${outcome}`, peers.add(from))
    const proposal = proposals.get(ballot)
    if (peers.size >= enough && proposal !== undefined) inner.learn({ ballot, proposal, outcome }, init.view.members)
  }
  const inner = speaking(init, (message) => {
    if (message.kind === 'propose') proposals.set(message.ballot, message.proposal)
    return message
  })
  return changed(inner, {
    completed: (ballot, outcome) => {
      inner.completed(ballot, outcome)
      accept(init.self, ballot, outcome)
    },
    receive: (from, message) => {
      if (message.kind === 'propose') proposals.set(message.ballot, message.proposal)
      inner.receive(from, message)
      if (message.kind === 'accept') accept(from, message.ballot, message.outcome)
    },
    snapshot: () => inner.snapshot() + [...accepts].map(([accepted, peers]) => accepted + [...peers].sort()).sort()
  })
}

const DIFFERENTLY = /two peers decide differently/
const UNSUPPORTED = /what no majority has accepted/
const UNDECIDED = /undecided/

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'decides on the first accept',
    case: { members: 3, gathered: true, make: (init) => deciding(init, 1) },
    law: UNSUPPORTED
  },
  {
    name: 'takes half for a quorum',
    case: { members: 4, gathered: true, make: (init) => deciding(init, 2) },
    law: UNSUPPORTED
  },
  {
    name: 'accepts below the ballot that it promised',
    case: {
      members: 3,
      gathered: true,
      disturbances: ['suspicion'],
      times: 1,
      make: (init) => {
        let promised = 0
        const proposals = new Map<number, Proposal>()
        const effects: AgreementInit['effects'] = {
          ...init.effects,
          send: (message) => {
            promised = Math.max(promised, message.ballot)
            init.effects.send(message)
          },
          attempt: (ballot, proposal) => {
            proposals.set(ballot, proposal)
            init.effects.attempt(ballot, proposal)
          }
        }
        const inner = new RoundAgreement({ ...init, effects })
        return changed(inner, {
          completed: (ballot, outcome) => {
            inner.completed(ballot, outcome)
            const proposal = proposals.get(ballot)
            if (ballot >= promised || proposal === undefined) return
            init.effects.send({ kind: 'accept', ballot, proposal: nameOf(proposal), outcome })
          }
        })
      }
    },
    law: DIFFERENTLY
  },
  {
    name: 'forgets in a promise what it has accepted',
    case: {
      members: 3,
      gathered: true,
      disturbances: ['suspicion'],
      times: 1,
      make: (init) =>
        speaking(init, (message) => (message.kind === 'promise' ? { ...message, accepted: null } : message))
    },
    law: DIFFERENTLY
  },
  {
    name: 'ignores what others have accepted',
    case: {
      members: 3,
      gathered: true,
      disturbances: ['suspicion'],
      times: 1,
      make: (init) => hearing(init, (promise) => ({ ...promise, accepted: null }))
    },
    law: DIFFERENTLY
  },
  {
    name: 'accepts before it holds the outcome',
    case: {
      members: 3,
      gathered: true,
      make: (init) => {
        const attempt = (ballot: number, proposal: Proposal) => inner.completed(ballot, outcomeOf(proposal))
        const inner: RoundAgreement = new RoundAgreement({ ...init, effects: { ...init.effects, attempt } })
        return inner
      }
    },
    law: /accepts what it does not hold/
  },
  {
    name: 'makes up what another announced',
    case: {
      members: 3,
      make: (init) => {
        const inner = new RoundAgreement(init)
        return changed(inner, {
          manifest: (manifest) => inner.manifest(manifest.peer === init.self ? manifest : { ...manifest, loss: 0 })
        })
      }
    },
    law: /what nobody announced/
  },
  {
    name: 'never takes over',
    case: {
      members: 3,
      gathered: true,
      make: (init) => changed(new RoundAgreement(init), { stalled: () => {}, lose: () => {} })
    },
    bounds: { progress: 1 },
    law: UNDECIDED
  },
  {
    name: 'waits for a time-out when the coordinator is gone',
    case: { members: 3, make: (init) => changed(new RoundAgreement(init), { lose: () => {} }) },
    bounds: { progress: 1, prompt: true },
    law: UNDECIDED
  }
]
