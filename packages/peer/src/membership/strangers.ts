import type { Clock, PeerId, PeergradError } from '@peergrad/core'
import { isOfAnotherRun } from './known-run.js'

/** Milliseconds before a peer of another run is left: both sides shall hear of what differs first. */
const PAUSE = 5000

export interface StrangersInit {
  readonly clock: Clock
  readonly isReady: (peer: PeerId) => boolean
  /** the peer has nothing to do with this run */
  readonly onStranger: (peer: PeerId) => void
}

/** Connected peers of other runs, each until there is nothing more to say to it. */
export class Strangers {
  readonly #init: StrangersInit
  /** cancel what comes after the pause */
  readonly #met = new Map<PeerId, () => void>()

  constructor(init: StrangersInit) {
    this.#init = init
  }

  /** One of two peers did not let the other in. */
  refused(peer: PeerId, error: PeergradError): void {
    if (!isOfAnotherRun(error) || this.#met.has(peer)) return
    const leave = () => {
      this.#met.delete(peer)
      // it may take part in this run by now
      if (!this.#init.isReady(peer)) this.#init.onStranger(peer)
    }
    this.#met.set(peer, this.#init.clock.after(PAUSE, leave))
  }

  /** The peer went: it may come back as one of this run. */
  gone(peer: PeerId): void {
    this.#met.get(peer)?.()
    this.#met.delete(peer)
  }

  close(): void {
    for (const peer of this.#met.keys()) this.gone(peer)
  }
}
