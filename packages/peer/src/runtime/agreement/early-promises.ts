import type { PeerId } from '@peergrad/core'
import type { Body } from './contract.js'

type Promise = Body<'promise'>

/** The last promise of each member for a ballot that this peer has not heard of: one may overtake what it answers. */
export class EarlyPromises {
  readonly #promises = new Map<PeerId, Promise>()

  add(peer: PeerId, promise: Promise): void {
    this.#promises.set(peer, promise)
  }

  /** Those that are early no more in this ballot. */
  take(ballot: number): (readonly [peer: PeerId, promise: Promise])[] {
    const due = [...this.#promises].filter(([, promise]) => promise.ballot <= ballot)
    for (const [peer] of due) this.#promises.delete(peer)
    return due
  }
}
