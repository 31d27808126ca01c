import { quorum, type Digest, type PeerId, type Proposal } from '@peergrad/core'
import type { Body } from './contract.js'

/** An accepted value, and who holds its outcome. */
export interface Held {
  readonly name: Digest
  readonly proposal: Proposal
  readonly outcome: Digest
  readonly holders: ReadonlySet<PeerId>
}

interface Candidate extends Held {
  readonly holders: Set<PeerId>
  /** the highest in which somebody accepted it */
  ballot: number
}

/**
 * Phase 1: what members promised to the coordinator of the ballot in hand, with what each of them accepted before. All hear it,
 * so that nobody has to take the coordinator's word for what an earlier ballot may have decided.
 */
export class Promises {
  readonly #members: number
  readonly #nameOf: (proposal: Proposal) => Digest
  readonly #promises = new Map<PeerId, Body<'promise'>>()
  /** what was accepted, by proposal and outcome */
  readonly #candidates = new Map<string, Candidate>()

  /** @param members how many there are */
  constructor(members: number, nameOf: (proposal: Proposal) => Digest) {
    this.#members = members
    this.#nameOf = nameOf
  }

  add(peer: PeerId, promise: Body<'promise'>): void {
    this.forget(peer)
    this.#promises.set(peer, promise)
    if (promise.accepted === null) return
    const { ballot, proposal, outcome } = promise.accepted
    const name = this.#nameOf(proposal)
    const key = keyOf(name, outcome)
    const candidate = this.#candidates.get(key) ?? { name, proposal, outcome, holders: new Set(), ballot }
    this.#candidates.set(key, candidate)
    candidate.holders.add(peer)
    candidate.ballot = Math.max(candidate.ballot, ballot)
  }

  forget(peer: PeerId): void {
    const accepted = this.#promises.get(peer)?.accepted
    this.#promises.delete(peer)
    if (accepted) this.#candidates.get(keyOf(this.#nameOf(accepted.proposal), accepted.outcome))?.holders.delete(peer)
  }

  /** Another ballot begins, or what was promised for this one is of no use any more. */
  clear(): void {
    this.#promises.clear()
    this.#candidates.clear()
  }

  /** Whether so many promised that the ballot may go on: of any majority that accepted something one at least says so. */
  get enough(): boolean {
    const remember = this.#promises.size - this.#forgetful.length
    return this.#promises.size >= quorum(this.#members) && remember > this.#members - quorum(this.#members)
  }

  /** Everybody promised. */
  get whole(): boolean {
    return this.#promises.size === this.#members
  }

  get entries(): readonly (readonly [peer: PeerId, promise: Body<'promise'>])[] {
    return [...this.#promises]
  }

  /**
   * Outcomes of one exchange of which it is unknown which was decided, one a holder, when all of these have promised: whoever is
   * silent is gone.
   */
  undecidable(here: readonly PeerId[]): readonly Digest[] | undefined {
    const possible = this.#possible
    const whole = this.enough && here.every((peer) => this.#promises.has(peer))
    const isOne = new Set(possible.map(({ name }) => name)).size === 1
    if (!whole || possible.length < 2 || !isOne) return undefined
    return possible.flatMap(({ outcome, holders }) => [...holders].map(() => outcome))
  }

  /**
   * What an earlier ballot may have decided: of the values that a majority can have accepted, when all that are silent did, the one
   * of the highest ballot. While fewer members lie or are silent than make a quorum, an honest one made it. Peers that hold
   * different outcomes of one exchange ran a strategy that is not deterministic: then it is unknown until so many have
   * promised that at most one of the outcomes may have a majority.
   */
  earlier(): Held | 'unknown' | undefined {
    const [first, second] = this.#possible
    return second === undefined ? first : 'unknown'
  }

  get #forgetful(): PeerId[] {
    return [...this.#promises].flatMap(([peer, { forgot }]) => (forgot ? [peer] : []))
  }

  /** The values that a majority can have accepted, of the highest ballot with one. Who forgot what it accepted is as good as silent. */
  get #possible(): readonly Candidate[] {
    const silent = this.#members - this.#promises.size
    const may = ({ holders }: Candidate) =>
      holders.size + silent + this.#forgetful.filter((peer) => !holders.has(peer)).length >= quorum(this.#members)
    const possible = [...this.#candidates.values()].filter((each) => each.holders.size > 0 && may(each))
    const highest = Math.max(...possible.map(({ ballot }) => ballot))
    return possible.filter(({ ballot }) => ballot === highest)
  }
}

function keyOf(name: Digest, outcome: Digest): string {
  return `${name} ${outcome}`
}
