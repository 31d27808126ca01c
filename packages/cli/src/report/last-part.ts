import type { PeerId, RunEvent } from '@peergrad/core'

/** Where a run went on that had been stopped: each time a peer that had started starts again. */
export class LastPart {
  #started = new Set<PeerId>()
  #again = false
  #first = Infinity

  add(event: RunEvent): void {
    if (event.type === 'round') this.#first = Math.min(this.#first, event.round)
    if (event.type !== 'started') return
    if (this.#started.has(event.peer)) {
      this.#started = new Set()
      this.#again = true
      this.#first = Infinity
    }
    this.#started.add(event.peer)
  }

  /** The first round of it, counted from 0; undefined where the run is of one part, or none of its rounds ended. */
  get first(): number | undefined {
    return this.#again && this.#first < Infinity ? this.#first : undefined
  }
}
