import type { Clock, Phase, PhaseTimes } from '@peergrad/core'

/**
 * How long one round is in which phase, in milliseconds. A phase lasts while any work of it does, so gradients that are
 * computed at once count once. Phases may overlap: one gradient is stored while another one is computed.
 */
export class PhaseTimer {
  readonly #clock: Clock
  readonly #onPhase: (phase: Phase) => void
  readonly #ended: PhaseTimes = {}
  /** phases that last, in the order in which they began */
  readonly #lasting = new Map<Phase, { works: number; readonly since: number }>()

  /** @param onPhase told of the phase that the peer is in: of those that last, the one that began first */
  constructor(clock: Clock, onPhase: (phase: Phase) => void) {
    this.#clock = clock
    this.#onPhase = onPhase
  }

  /** Until now, also of what lasts. */
  get times(): PhaseTimes {
    const times = { ...this.#ended }
    for (const [phase, { since }] of this.#lasting) times[phase] = (times[phase] ?? 0) + this.#clock.now() - since
    return times
  }

  /** Runs the work as one of the phase. */
  async measure<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    this.#begin(phase)
    try {
      return await work()
    } finally {
      this.#end(phase)
    }
  }

  #begin(phase: Phase): void {
    const lasting = this.#lasting.get(phase)
    if (lasting !== undefined) lasting.works++
    else this.#lasting.set(phase, { works: 1, since: this.#clock.now() })
    this.#tell()
  }

  #end(phase: Phase): void {
    const lasting = this.#lasting.get(phase)
    if (lasting === undefined || --lasting.works > 0) return
    this.#lasting.delete(phase)
    this.#ended[phase] = (this.#ended[phase] ?? 0) + this.#clock.now() - lasting.since
    this.#tell()
  }

  #tell(): void {
    const [first] = this.#lasting.keys()
    if (first !== undefined) this.#onPhase(first)
  }
}
