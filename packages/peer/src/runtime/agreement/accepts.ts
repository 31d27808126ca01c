import type { Digest, PeerId } from '@peergrad/core'

interface Ballot {
  readonly outcomes: Map<PeerId, Digest>
  /** of each outcome: counted as accepts come, for a round has as many as it has members */
  readonly counts: Map<Digest, number>
}

/** Who accepted what: the outcomes that members say they hold, ballot by ballot. */
export class Accepts {
  readonly #ballots = new Map<number, Ballot>()

  add(ballot: number, peer: PeerId, outcome: Digest): void {
    let accepts = this.#ballots.get(ballot)
    if (accepts === undefined) this.#ballots.set(ballot, (accepts = { outcomes: new Map(), counts: new Map() }))
    if (accepts.outcomes.get(peer) === outcome) return
    remove(accepts, peer)
    accepts.outcomes.set(peer, outcome)
    accepts.counts.set(outcome, (accepts.counts.get(outcome) ?? 0) + 1)
  }

  of(ballot: number): readonly (readonly [peer: PeerId, outcome: Digest])[] {
    return [...(this.#ballots.get(ballot)?.outcomes ?? [])]
  }

  /** How many hold this outcome of the ballot. */
  count(ballot: number, outcome: Digest): number {
    return this.#ballots.get(ballot)?.counts.get(outcome) ?? 0
  }

  /** Who they are. */
  holders(ballot: number, outcome: Digest): PeerId[] {
    return this.of(ballot).flatMap(([peer, held]) => (held === outcome ? [peer] : []))
  }

  /** What the peer said does not count. */
  forget(peer: PeerId): void {
    for (const accepts of this.#ballots.values()) remove(accepts, peer)
  }

  get entries(): readonly (readonly [ballot: number, accepts: ReadonlyMap<PeerId, Digest>])[] {
    return [...this.#ballots].map(([ballot, { outcomes }]) => [ballot, outcomes])
  }
}

function remove({ outcomes, counts }: Ballot, peer: PeerId): void {
  const held = outcomes.get(peer)
  if (held === undefined) return
  outcomes.delete(peer)
  counts.set(held, (counts.get(held) ?? 0) - 1)
}
