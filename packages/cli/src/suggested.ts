import type { Phase, PhaseTimes } from '@peergrad/core'

/** What the rounds of a run say about its time-outs, in seconds. */
export interface Suggested {
  /** the slowest contribution of any peer, three times over */
  readonly deadline: number
  /** the longest rest of a round, from the last contribution on, three times over */
  readonly grace: number
}

const CONTRIBUTING: readonly Phase[] = ['compute', 'store', 'average']
const ENDING: readonly Phase[] = ['fetch', 'aggregate', 'agree', 'update', 'sync']
/** A machine that does something else for a moment is no slow peer. */
const MARGIN = 3
/** Seconds; below it a time-out measures the machine and not the run. */
const LEAST = 1

/** The longest times of all rounds so far. The first ones warm up, and count: a run has them too. */
export class Timings {
  #contribution = 0
  #ending = 0

  add(phases: PhaseTimes): void {
    this.#contribution = Math.max(this.#contribution, total(phases, CONTRIBUTING))
    this.#ending = Math.max(this.#ending, total(phases, ENDING))
  }

  /** Undefined before the first round. */
  get suggested(): Suggested | undefined {
    if (this.#contribution === 0) return undefined
    return { deadline: rounded(this.#contribution), grace: rounded(this.#ending) }
  }
}

function total(phases: PhaseTimes, which: readonly Phase[]): number {
  return which.reduce((sum, phase) => sum + (phases[phase] ?? 0), 0)
}

function rounded(milliseconds: number): number {
  return Math.max(LEAST, Math.ceil((MARGIN * milliseconds) / 1000))
}
