import { quorum, type Digest, type PeerId, type Proposal } from '@peergrad/core'
import type { Body } from './contract.js'

/** An accepted value, and who holds its outcome. */
interface Held {
  readonly proposal: Proposal
  readonly outcome: Digest
  readonly holders: readonly PeerId[]
}

/** Phase 1: what members promised to the coordinator of a ballot, with what each of them accepted before. */
export class Promises {
  readonly #members: number
  readonly #promises = new Map<PeerId, Body<'promise'>>()

  /** @param members how many there are */
  constructor(members: number) {
    this.#members = members
  }

  add(peer: PeerId, promise: Body<'promise'>): void {
    this.#promises.set(peer, promise)
  }

  forget(peer: PeerId): void {
    this.#promises.delete(peer)
  }

  /** Another ballot begins. */
  clear(): void {
    this.#promises.clear()
  }

  /** Whether so many promised that the ballot may go on. */
  get enough(): boolean {
    return this.#promises.size >= quorum(this.#members)
  }

  /** Everybody promised. */
  get whole(): boolean {
    return this.#promises.size === this.#members
  }

  /** Whether no majority can have accepted this outcome, though all that are silent may have: then nothing was decided yet. */
  rulesOut(outcome: Digest): boolean {
    const votes = [...this.#promises.values()].filter(({ accepted }) => accepted?.outcome === outcome).length
    return votes + this.#members - this.#promises.size < quorum(this.#members)
  }

  get entries(): readonly (readonly [peer: PeerId, promise: Body<'promise'>])[] {
    return [...this.#promises]
  }

  /**
   * What an earlier ballot may have decided: the accepted value of the highest one. Peers that hold different outcomes
   * of that one's exchange ran a strategy that is not deterministic: then it is unknown until so many have promised that
   * at most one of the outcomes may have a majority.
   */
  earlier(): Held | 'unknown' | undefined {
    const promised = [...this.#promises].flatMap(([peer, { accepted }]) => (accepted ? [{ peer, ...accepted }] : []))
    const highest = Math.max(...promised.map(({ ballot }) => ballot))
    const rivals = new Map<Digest, { proposal: Proposal; outcome: Digest; votes: number }>()
    for (const { ballot, proposal, outcome } of promised) {
      if (ballot !== highest) continue
      rivals.set(outcome, { proposal, outcome, votes: (rivals.get(outcome)?.votes ?? 0) + 1 })
    }
    const [first, second] = [...rivals.values()].sort((a, b) => b.votes - a.votes || (a.outcome < b.outcome ? -1 : 1))
    if (first === undefined) return undefined
    const silent = this.#members - this.#promises.size
    if (second !== undefined && second.votes + silent >= quorum(this.#members)) return 'unknown'
    const holders = promised.filter(({ outcome }) => outcome === first.outcome).map(({ peer }) => peer)
    return { proposal: first.proposal, outcome: first.outcome, holders }
  }
}
