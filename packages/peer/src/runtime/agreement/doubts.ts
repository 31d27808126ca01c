import type { PeerId } from '@peergrad/core'

/** What a member holds against the others in one round. */
export class Doubts {
  readonly #lost = new Set<PeerId>()
  /** contributors that cannot be fetched from */
  readonly #excluded = new Set<PeerId>()
  /** members that were caught lying: what they say of this round does not count */
  readonly #liars = new Set<PeerId>()
  /** members that everybody knows to lie */
  readonly #proved = new Set<PeerId>()

  /** The members agree that it is gone. */
  lose(peer: PeerId): void {
    this.#lost.add(peer)
  }

  /** It is here again, and may be read again. */
  regain(peer: PeerId): void {
    this.#lost.delete(peer)
    if (!this.#liars.has(peer)) this.#excluded.delete(peer)
  }

  /** It could not be fetched from. */
  blame(peer: PeerId): void {
    this.#excluded.add(peer)
  }

  /** Who could not be read is tried again. */
  pardon(): void {
    for (const peer of this.#excluded) if (!this.#liars.has(peer)) this.#excluded.delete(peer)
  }

  /** It was caught lying. */
  distrust(peer: PeerId): void {
    this.#liars.add(peer)
    this.#excluded.add(peer)
  }

  /** It is proved to lie. */
  prove(peer: PeerId): void {
    this.#proved.add(peer)
  }

  isLost(peer: PeerId): boolean {
    return this.#lost.has(peer)
  }

  lies(peer: PeerId): boolean {
    return this.#liars.has(peer)
  }

  isProved(peer: PeerId): boolean {
    return this.#proved.has(peer)
  }

  /** Whether a proposal may have its contribution. */
  readonly usable = (peer: PeerId): boolean => !this.#lost.has(peer) && !this.#excluded.has(peer)

  /** Whether it may lead, and accept. */
  readonly able = (peer: PeerId): boolean => !this.#lost.has(peer) && !this.#liars.has(peer)

  /** The same for the same doubts. */
  snapshot() {
    return {
      lost: [...this.#lost].sort(),
      excluded: [...this.#excluded].sort(),
      liars: [...this.#liars].sort(),
      proved: [...this.#proved].sort()
    }
  }
}
