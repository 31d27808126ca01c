import type { PeerId } from '@peergrad/core'

/** Whose turn each ballot is: member b mod n leads ballot b. */
export class Turns {
  readonly #members: readonly PeerId[]

  constructor(members: readonly PeerId[]) {
    this.#members = members
  }

  coordinator(ballot: number): PeerId {
    return this.#members[ballot % this.#members.length]
  }

  /** The member whose turn it is after the ballot's coordinator, of those that are able; with `turn` 2 the one after it … */
  successor(ballot: number, able: (peer: PeerId) => boolean, turn = 1): PeerId | undefined {
    const current = ballot % this.#members.length
    const turns = [...this.#members.slice(current + 1), ...this.#members.slice(0, current + 1)].filter(able)
    return turns[(turn - 1) % turns.length]
  }

  /** The first ballot after this one that is the member's to lead. */
  next(ballot: number, member: PeerId): number {
    const index = this.#members.indexOf(member)
    let next = ballot + 1
    while (next % this.#members.length !== index) next += 1
    return next
  }
}
