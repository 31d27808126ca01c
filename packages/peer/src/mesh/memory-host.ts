import type { Clock, PeerId } from '@peergrad/core'

/** One process on a network in memory: whether it runs, and what waits for it while it is stopped. */
export class MemoryHost {
  readonly peer: PeerId
  /** the process's own, which may stand still when it does */
  readonly clock: Clock
  #state: 'running' | 'stopped' | 'closed' | 'killed' = 'running'
  readonly #held: (() => void)[] = []

  constructor(peer: PeerId, clock: Clock) {
    this.peer = peer
    this.clock = clock
  }

  get running(): boolean {
    return this.#state === 'running'
  }

  /** Not ended: what comes may wait. */
  get alive(): boolean {
    return this.#state === 'running' || this.#state === 'stopped'
  }

  /** Ended by itself. */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** What it sent last never left it. */
  get killed(): boolean {
    return this.#state === 'killed'
  }

  /** Calls back in the process: at once when it runs, later when it is stopped, never when it has ended. */
  run(callback: () => void): void {
    if (!this.alive) return
    if (this.#state === 'running' && this.#held.length === 0) callback()
    else this.#held.push(callback)
  }

  /** A timer of the process. */
  after(delay: number, callback: () => void): () => void {
    return this.clock.after(delay, () => this.run(callback))
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped'
  }

  /** Goes on, with what came meanwhile one by one: `soon` calls back without letting time pass. */
  resume(soon: (callback: () => void) => void): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    const next = () => {
      if (!this.running) return
      this.#held[0]?.()
      this.#held.shift()
      if (this.#held.length > 0) soon(next)
    }
    if (this.#held.length > 0) soon(next)
  }

  end(how: 'closed' | 'killed'): void {
    if (!this.alive) return
    this.#state = how
    this.#held.length = 0
  }
}
