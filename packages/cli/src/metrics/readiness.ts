import type { RunEvent } from '@peergrad/core'

/** Whether a peer is in a view and trains, or has finished: what `/readyz` says, from the peer's own events. */
export class Readiness {
  #stage = 'this peer is starting'
  #member = false
  #paused: string | undefined
  #away: string | undefined
  #leaving = false
  #finished = false

  /** Why not; undefined when it is. */
  get why(): string | undefined {
    if (this.#leaving) return 'this peer is leaving the run'
    if (this.#finished) return undefined
    return this.#paused ?? this.#away ?? (this.#member ? undefined : this.#stage)
  }

  /** The peer goes, whatever comes. */
  leave(): void {
    this.#leaving = true
  }

  add(event: RunEvent): void {
    switch (event.type) {
      case 'started':
        this.#stage = 'this peer waits for its first view'
        return
      case 'view':
        this.#member = event.members.includes(event.peer)
        if (!this.#member) this.#stage = 'this peer is not in the view'
        return
      case 'diverged':
      case 'merged':
        this.#away = 'this peer takes the state of the run from others'
        return
      case 'healed':
        this.#away = undefined
        return
      case 'paused':
        this.#paused = event.reason
        return
      case 'resumed':
        this.#paused = undefined
        return
      case 'finished':
        this.#finished = true
    }
  }
}
