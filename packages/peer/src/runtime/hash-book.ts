import { quorum, type Digest, type PeerId } from '@peergrad/core'

/** Rounds that are remembered before and ahead of the last one. */
const SPAN = 4

/** The hashes of the model state that the members published, by round. */
export class HashBook {
  readonly #rounds = new Map<number, Map<PeerId, Digest>>()

  record(peer: PeerId, round: number, hash: Digest, last: number): void {
    if (Math.abs(round - last) > SPAN) return
    let hashes = this.#rounds.get(round)
    if (hashes === undefined) this.#rounds.set(round, (hashes = new Map()))
    hashes.set(peer, hash)
    for (const old of this.#rounds.keys()) if (old < last - SPAN) this.#rounds.delete(old)
  }

  has(peer: PeerId, round: number): boolean {
    return this.#rounds.get(round)?.has(peer) ?? false
  }

  /** What a majority of the members says of the own hash of a round; undefined while too few have spoken. */
  verdict(round: number, own: Digest, members: readonly PeerId[]): 'same' | 'differs' | undefined {
    const counts = new Map<Digest, number>()
    for (const [peer, hash] of this.#rounds.get(round) ?? []) {
      if (members.includes(peer)) counts.set(hash, (counts.get(hash) ?? 0) + 1)
    }
    for (const [hash, count] of counts) {
      const needed = quorum(members.length)
      // the own hash is one of the majority's when this peer is a member
      if (hash === own && count + 1 >= needed) return 'same'
      if (hash !== own && count >= needed) return 'differs'
    }
    return undefined
  }
}
