import type { Clock, Phase, PhaseTimes } from '@peergrad/core'

/** How long one round is in which phase, in milliseconds. */
export class PhaseTimer {
  readonly times: PhaseTimes = {}
  readonly #clock: Clock
  readonly #onPhase: (phase: Phase) => void

  constructor(clock: Clock, onPhase: (phase: Phase) => void) {
    this.#clock = clock
    this.#onPhase = onPhase
  }

  /** Adds the time of the work to the phase. */
  async measure<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    this.#onPhase(phase)
    const start = this.#clock.now()
    try {
      return await work()
    } finally {
      this.times[phase] = (this.times[phase] ?? 0) + this.#clock.now() - start
    }
  }
}
