import { quorum, type Digest, type PeerId, type Proposal } from '@peergrad/core'
import type { Body } from './contract.js'

/** An accepted value, and who holds its outcome. */
export interface Held {
  readonly name: Digest
  readonly proposal: Proposal
  readonly outcome: Digest
  readonly holders: readonly PeerId[]
}

interface Candidate extends Held {
  /** the highest in which somebody accepted it */
  readonly ballot: number
}

/**
 * Phase 1: what members promised to the coordinator of the ballot in hand, with what each of them accepted before. All hear it,
 * so that nobody has to take the coordinator's word for what an earlier ballot may have decided.
 */
export class Promises {
  readonly #members: number
  readonly #nameOf: (proposal: Proposal) => Digest
  readonly #promises = new Map<PeerId, Body<'promise'>>()

  /** @param members how many there are */
  constructor(members: number, nameOf: (proposal: Proposal) => Digest) {
    this.#members = members
    this.#nameOf = nameOf
  }

  add(peer: PeerId, promise: Body<'promise'>): void {
    this.#promises.set(peer, promise)
  }

  /** Another ballot begins, or what was promised for this one is of no use any more. */
  clear(): void {
    this.#promises.clear()
  }

  forget(peer: PeerId): void {
    this.#promises.delete(peer)
  }

  /** Whether so many promised that the ballot may go on. */
  get enough(): boolean {
    return this.#promises.size >= quorum(this.#members)
  }

  /** Everybody promised. */
  get whole(): boolean {
    return this.#promises.size === this.#members
  }

  get entries(): readonly (readonly [peer: PeerId, promise: Body<'promise'>])[] {
    return [...this.#promises]
  }

  /**
   * What an earlier ballot may have decided: of the values that a majority can have accepted, when all that are silent did, the one
   * of the highest ballot. While fewer members lie or are silent than make a quorum, an honest one made it. Peers that hold
   * different outcomes of one exchange ran a strategy that is not deterministic: then it is unknown until so many have
   * promised that at most one of the outcomes may have a majority.
   */
  earlier(): Held | 'unknown' | undefined {
    const silent = this.#members - this.#promises.size
    const possible = this.#candidates().filter(({ holders }) => holders.length + silent >= quorum(this.#members))
    const highest = Math.max(...possible.map(({ ballot }) => ballot))
    const [first, second] = possible.filter(({ ballot }) => ballot === highest)
    return second === undefined ? first : 'unknown'
  }

  #candidates(): Candidate[] {
    const candidates = new Map<string, Candidate>()
    for (const [peer, { accepted }] of this.#promises) {
      if (accepted === null) continue
      const { ballot, proposal, outcome } = accepted
      const name = this.#nameOf(proposal)
      const key = `${name} ${outcome}`
      const before = candidates.get(key)
      const holders = [...(before?.holders ?? []), peer]
      const highest = Math.max(ballot, before?.ballot ?? 0)
      candidates.set(key, { name, proposal, outcome, holders, ballot: highest })
    }
    return [...candidates.values()]
  }
}
