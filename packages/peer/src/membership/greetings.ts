import { PeergradError, type Clock, type Logger, type Mesh, type PeerId } from '@peergrad/core'
import type { Acquaintance } from './acquaintance.js'
import { isObjection } from './known-run.js'

/** Milliseconds before a greeting that got lost is tried again: the connection may be another one than a moment ago. */
const AGAIN = { first: 250, factor: 2, most: 5000 }

export interface GreetingsInit {
  readonly mesh: Pick<Mesh, 'connected'>
  readonly clock: Clock
  readonly logger: Logger
  readonly acquaintance: Pick<Acquaintance, 'greet'>
  readonly onRefused: (peer: PeerId, error: PeergradError) => void
}

/** Greets connected peers, and again while they are connected when a greeting gets lost. */
export class Greetings {
  readonly #init: GreetingsInit
  /** cancel those that are to be tried again */
  readonly #again = new Set<() => void>()

  constructor(init: GreetingsInit) {
    this.#init = init
  }

  /**
   * All that are connected. Resolves when each was greeted, or will be tried again; with why this peer may not take part
   * when all of them say so.
   */
  async greetAll(): Promise<PeergradError | undefined> {
    const objections = await Promise.all(this.#init.mesh.connected().map((peer) => this.greet(peer)))
    return objections.every((objection) => objection !== undefined) ? objections[0] : undefined
  }

  /** Resolves when the peer was greeted, or will be tried again; with why this peer may not take part when that is said. */
  async greet(peer: PeerId, tries = 1): Promise<PeergradError | undefined> {
    const { mesh, clock, logger, acquaintance, onRefused } = this.#init
    try {
      await acquaintance.greet(peer)
      return undefined
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      logger.debug({ peer, error: error.message }, 'greeting failed')
      if (error.code === 'refused') {
        onRefused(peer, error)
        return isObjection(error) ? error : undefined
      }
      const pause = Math.min(AGAIN.first * AGAIN.factor ** (tries - 1), AGAIN.most)
      const again = clock.after(pause, () => {
        this.#again.delete(again)
        if (mesh.connected().includes(peer)) void this.greet(peer, tries + 1)
      })
      this.#again.add(again)
      return undefined
    }
  }

  close(): void {
    for (const cancel of this.#again) cancel()
  }
}
