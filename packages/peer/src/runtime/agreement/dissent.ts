import { quorum, type Digest, type PeerId } from '@peergrad/core'
import { Accepts } from './accepts.js'
import type { Accepted } from './contract.js'

/**
 * Whether members hold different outcomes of one exchange, by what they accepted and by what they promised that they had: an
 * accept may get lost, and is not said again in the next ballot.
 */
export class Dissent {
  readonly #members: number
  readonly #accepts: Accepts
  readonly #promised = new Accepts()

  /** @param members how many there are */
  constructor(members: number, accepts: Accepts) {
    this.#members = members
    this.#accepts = accepts
  }

  /** Noted where it is another outcome than one that is known: as long as all agree there is nothing to count. */
  promised(ballot: number, peer: PeerId, accepted: Accepted): void {
    const differs = [this.#accepts, this.#promised].some((known) => known.hasOther(ballot, accepted))
    if (differs) this.#promised.add(ballot, peer, accepted)
  }

  forget(peer: PeerId): void {
    this.#promised.forget(peer)
  }

  /**
   * More hold another outcome of the proposal than most do than may lie where the others can decide, so honest members differ.
   * No vote that is still missing gives any outcome a majority.
   */
  divides(ballot: number, proposal: Digest): boolean {
    if (this.#accepts.outcomes(ballot, proposal) + this.#promised.outcomes(ballot, proposal) < 2) return false
    const { all, most } = count(this.holders(ballot, proposal))
    return all - most > this.#members - quorum(this.#members)
  }

  /** All of these are among the holders, and no majority holds the same: no vote is missing but of the gone. */
  isComplete(held: ReadonlyMap<PeerId, Digest>, here: readonly PeerId[]): boolean {
    const { all, most } = count(held)
    return here.every((peer) => held.has(peer)) && most < all && most < quorum(this.#members)
  }

  /** Who holds which outcome of the proposal. */
  holders(ballot: number, proposal: Digest): ReadonlyMap<PeerId, Digest> {
    const all = [...this.#promised.of(ballot), ...this.#accepts.of(ballot)]
    return new Map(all.flatMap(([peer, held]) => (held.proposal === proposal ? [[peer, held.outcome]] : [])))
  }

  get entries(): Accepts['entries'] {
    return this.#promised.entries
  }
}

function count(held: ReadonlyMap<PeerId, Digest>): { all: number; most: number } {
  const counts = new Map<Digest, number>()
  for (const outcome of held.values()) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  return { all: held.size, most: Math.max(0, ...counts.values()) }
}
