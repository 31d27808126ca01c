import type { Digest, PeerId } from '@peergrad/core'

/** Who accepted what: the outcomes that members say they hold, ballot by ballot. */
export class Accepts {
  readonly #ballots = new Map<number, Map<PeerId, Digest>>()

  add(ballot: number, peer: PeerId, outcome: Digest): void {
    let accepts = this.#ballots.get(ballot)
    if (accepts === undefined) this.#ballots.set(ballot, (accepts = new Map()))
    accepts.set(peer, outcome)
  }

  of(ballot: number): readonly (readonly [peer: PeerId, outcome: Digest])[] {
    return [...(this.#ballots.get(ballot) ?? [])]
  }

  /** Who holds this outcome of the ballot. */
  holders(ballot: number, outcome: Digest): PeerId[] {
    return this.of(ballot).flatMap(([peer, held]) => (held === outcome ? [peer] : []))
  }

  /** What the peer said does not count. */
  forget(peer: PeerId): void {
    for (const accepts of this.#ballots.values()) accepts.delete(peer)
  }

  get entries(): readonly (readonly [ballot: number, accepts: ReadonlyMap<PeerId, Digest>])[] {
    return [...this.#ballots]
  }
}
