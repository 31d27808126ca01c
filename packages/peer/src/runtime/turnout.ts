import type { PeerId } from '@peergrad/core'
import { deferred, type Deferred } from '../deferred.js'

/** How many members have announced what they give in a round. */
export class Turnout {
  readonly #peers = new Set<PeerId>()
  readonly #waiting: { readonly members: number; readonly reached: Deferred<void> }[] = []

  note(peer: PeerId): void {
    this.#peers.add(peer)
    for (const { members, reached } of this.#waiting) if (this.#peers.size >= members) reached.resolve()
  }

  /** Resolves when it is so many. */
  reaches(members: number): Promise<void> {
    const reached = deferred<void>()
    this.#waiting.push({ members, reached })
    if (this.#peers.size >= members) reached.resolve()
    return reached.promise
  }
}
