import type { Digest, PeerId } from '@peergrad/core'
import type { Accepted } from './contract.js'

interface Ballot {
  readonly held: Map<PeerId, Accepted>
  /** of each proposal and outcome: counted as accepts come, for a round has as many as it has members */
  readonly counts: Map<Digest, Map<Digest, number>>
}

/** Who accepted what: proposals and their outcomes that members say they hold, ballot by ballot. */
export class Accepts {
  readonly #ballots = new Map<number, Ballot>()

  add(ballot: number, peer: PeerId, accepted: Accepted): void {
    let accepts = this.#ballots.get(ballot)
    if (accepts === undefined) this.#ballots.set(ballot, (accepts = { held: new Map(), counts: new Map() }))
    const before = accepts.held.get(peer)
    if (before !== undefined && isSame(before, accepted)) return
    remove(accepts, peer)
    accepts.held.set(peer, accepted)
    count(accepts, accepted, 1)
  }

  of(ballot: number): readonly (readonly [peer: PeerId, accepted: Accepted])[] {
    return [...(this.#ballots.get(ballot)?.held ?? [])]
  }

  /** How many hold this in the ballot. */
  count(ballot: number, { proposal, outcome }: Accepted): number {
    return this.#ballots.get(ballot)?.counts.get(proposal)?.get(outcome) ?? 0
  }

  /** Different outcomes that are held of a proposal. */
  outcomes(ballot: number, proposal: Digest): number {
    return this.#ballots.get(ballot)?.counts.get(proposal)?.size ?? 0
  }

  /** Whether somebody holds another outcome of the proposal in the ballot. */
  hasOther(ballot: number, { proposal, outcome }: Accepted): boolean {
    const outcomes = this.#ballots.get(ballot)?.counts.get(proposal)
    return outcomes !== undefined && outcomes.size > Number(outcomes.has(outcome))
  }

  /** Who they are. */
  holders(ballot: number, accepted: Accepted): PeerId[] {
    return this.of(ballot).flatMap(([peer, held]) => (isSame(held, accepted) ? [peer] : []))
  }

  /** What the peer said does not count. */
  forget(peer: PeerId): void {
    for (const accepts of this.#ballots.values()) remove(accepts, peer)
  }

  get entries(): readonly (readonly [ballot: number, accepts: ReadonlyMap<PeerId, Accepted>])[] {
    return [...this.#ballots].map(([ballot, { held }]) => [ballot, held])
  }
}

function remove(accepts: Ballot, peer: PeerId): void {
  const held = accepts.held.get(peer)
  if (held === undefined) return
  accepts.held.delete(peer)
  count(accepts, held, -1)
}

function count({ counts }: Ballot, { proposal, outcome }: Accepted, change: number): void {
  let outcomes = counts.get(proposal)
  if (outcomes === undefined) counts.set(proposal, (outcomes = new Map()))
  const holders = (outcomes.get(outcome) ?? 0) + change
  if (holders > 0) outcomes.set(outcome, holders)
  else outcomes.delete(outcome)
  if (outcomes.size === 0) counts.delete(proposal)
}

function isSame(a: Accepted, b: Accepted): boolean {
  return a.proposal === b.proposal && a.outcome === b.outcome
}
