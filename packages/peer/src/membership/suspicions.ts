import { quorum, type PeerId } from '@peergrad/core'

/** Who suspects whom, as the members said last. */
export class Suspicions {
  readonly #lists = new Map<PeerId, { number: number; suspects: ReadonlySet<PeerId> }>()

  /** The list of one member; an older one than the last is not looked at. */
  record(accuser: PeerId, number: number, suspects: readonly PeerId[]): void {
    const last = this.#lists.get(accuser)
    if (last === undefined || number >= last.number) this.#lists.set(accuser, { number, suspects: new Set(suspects) })
  }

  /** The peer went: another process of it numbers anew, and one that lives says again whom it suspects. */
  forget(accuser: PeerId): void {
    this.#lists.delete(accuser)
  }

  /** Forgets what those said that are no members. */
  retain(members: readonly PeerId[]): void {
    for (const accuser of this.#lists.keys()) if (!members.includes(accuser)) this.#lists.delete(accuser)
  }

  /** Whether a quorum of the members suspects the peer. */
  agreed(peer: PeerId, members: readonly PeerId[]): boolean {
    let accusers = 0
    for (const [accuser, { suspects }] of this.#lists) {
      if (suspects.has(peer) && accuser !== peer && members.includes(accuser)) accusers += 1
    }
    return accusers >= quorum(members.length)
  }
}
