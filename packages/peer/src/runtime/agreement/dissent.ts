import { quorum, type Digest, type PeerId } from '@peergrad/core'
import { Accepts } from './accepts.js'
import type { Accepted } from './contract.js'

/** Ballots in which outcomes differ before the round is given up: an exchange that was disturbed may be made once more. */
const DIVIDED = 3

export interface DissentInit {
  /** how many there are */
  readonly members: number
  readonly accepts: Accepts
  /** called with the outcomes that the members hold, when they were divided for the last time that is borne */
  readonly onDivided: (outcomes: readonly Digest[]) => void
}

/**
 * Whether members hold different outcomes of one exchange, by what they accepted and by what they promised that they had: an
 * accept may get lost, and is not said again in the next ballot. And the ballots in which they did.
 */
export class Dissent {
  readonly #init: DissentInit
  readonly #promised = new Accepts()
  /** ballots that cannot decide, for too many hold different outcomes of one exchange */
  readonly #divided = new Set<number>()
  /** the last ballot since a time-out that cannot decide without those that are gone, and what the others hold */
  #torn: { readonly ballot: number; readonly outcomes: readonly Digest[] } | undefined

  constructor(init: DissentInit) {
    this.#init = init
  }

  /** The whole state, as plain data. */
  snapshot() {
    return { divided: [...this.#divided].sort(), torn: this.#torn ?? null }
  }

  get entries(): Accepts['entries'] {
    return this.#promised.entries
  }

  /** Noted where it is another outcome than one that is known: as long as all agree there is nothing to count. */
  promised(ballot: number, peer: PeerId, accepted: Accepted): void {
    const differs = [this.#init.accepts, this.#promised].some((known) => known.hasOther(ballot, accepted))
    if (differs) this.#promised.add(ballot, peer, accepted)
  }

  forget(peer: PeerId): void {
    this.#promised.forget(peer)
  }

  /** Looks whether the members are divided over a proposal. Returns whether the next coordinator is to begin for that. */
  divide(ballot: number, proposal: Digest): boolean {
    if (!this.#divides(ballot, proposal)) return false
    this.#note(ballot, [...this.#holders(ballot, proposal).values()])
    return this.mayMoveOn(ballot)
  }

  /** The ballot divided the members, and there is another one to come. */
  mayMoveOn(ballot: number): boolean {
    return this.#divided.has(ballot) && this.#divided.size < DIVIDED
  }

  /** The outcomes that those hold who are here, all of them, where they differ and no majority holds the same. */
  complete(ballot: number, proposal: Digest, here: readonly PeerId[]): readonly Digest[] | undefined {
    const held = this.#holders(ballot, proposal)
    const { all, most } = count(held)
    const splits = most < all && most < quorum(this.#init.members)
    return splits && here.every((peer) => held.has(peer)) ? [...held.values()] : undefined
  }

  /** Only who is gone could decide between the outcomes that those who are here hold, and may come back before a time-out. */
  tear(ballot: number, outcomes: readonly Digest[]): void {
    this.#torn = { ballot, outcomes }
  }

  /** A time-out: who is gone did not come back. */
  timeOut(): void {
    if (this.#torn !== undefined) this.#note(this.#torn.ballot, this.#torn.outcomes)
    this.#torn = undefined
  }

  #note(ballot: number, outcomes: readonly Digest[]): void {
    if (this.#divided.has(ballot)) return
    this.#divided.add(ballot)
    if (this.#divided.size === DIVIDED) this.#init.onDivided(outcomes)
  }

  /**
   * More hold another outcome of the proposal than most do than may lie where the others can decide, so honest members differ.
   * No vote that is still missing gives any outcome a majority.
   */
  #divides(ballot: number, proposal: Digest): boolean {
    const { accepts, members } = this.#init
    if (accepts.outcomes(ballot, proposal) + this.#promised.outcomes(ballot, proposal) < 2) return false
    const { all, most } = count(this.#holders(ballot, proposal))
    return all - most > members - quorum(members)
  }

  /** Who holds which outcome of the proposal. */
  #holders(ballot: number, proposal: Digest): ReadonlyMap<PeerId, Digest> {
    const all = [...this.#promised.of(ballot), ...this.#init.accepts.of(ballot)]
    return new Map(all.flatMap(([peer, held]) => (held.proposal === proposal ? [[peer, held.outcome]] : [])))
  }
}

function count(held: ReadonlyMap<PeerId, Digest>): { all: number; most: number } {
  const counts = new Map<Digest, number>()
  for (const outcome of held.values()) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  return { all: held.size, most: Math.max(0, ...counts.values()) }
}
