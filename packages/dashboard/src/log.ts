import type { RunEvent } from '@peergrad/core'
import { reduce } from './state/reduce.js'
import { EMPTY, type RunState } from './state/state.js'

/** Events between two states that are kept. */
const APART = 256

/** All events of a run, and its state after any number of them. */
export class EventLog {
  readonly #events: RunEvent[] = []
  /** of each event; never goes back, as processes' clocks may */
  readonly #times: number[] = []
  readonly #kept: RunState[] = [EMPTY]
  #state = EMPTY
  /** events that could not be taken */
  refused = 0

  get length(): number {
    return this.#events.length
  }

  /** Milliseconds from the first event to the last. */
  get duration(): number {
    return this.#times.at(-1) ?? 0
  }

  /** The state after all events. */
  get state(): RunState {
    return this.#state
  }

  append(event: RunEvent): void {
    try {
      this.#state = reduce(this.#state, event)
    } catch {
      // a file is whatever somebody wrote into it
      this.refused += 1
      return
    }
    this.#events.push(event)
    this.#times.push(Math.max(this.duration, event.time))
    if (this.#events.length % APART === 0) this.#kept.push(this.#state)
  }

  /** How many events there were up to this time. */
  countAt(time: number): number {
    let low = 0
    let high = this.#times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#times[middle] as number) <= time) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The state after the first `count` events, from the nearest one that is known: kept, or `near`. */
  stateAt(count: number, near?: { readonly count: number; readonly state: RunState }): RunState {
    if (count >= this.#events.length) return this.#state
    const place = Math.floor(count / APART)
    let from = place * APART
    let state = this.#kept[place] as RunState
    if (near !== undefined && near.count <= count && near.count > from) ({ count: from, state } = near)
    for (; from < count; from++) state = reduce(state, this.#events[from] as RunEvent)
    return state
  }
}
