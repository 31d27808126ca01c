import { replace, type AttackSchedule, type Disguise, type RoundContext, type RunManifest } from '@peergrad/core'

/** Whether an attack with this schedule plays in a round. */
export function playsIn({ start, stop, every }: AttackSchedule, round: number): boolean {
  return round >= start && round < stop && (round - start) % every === 0
}

/** The round that a hostile peer is in, as its strategy sees it. */
export interface Turn {
  readonly round: RoundContext
  readonly manifest: RunManifest
}

/** Tells the parts of a disguise when the attack plays. */
export class Moment {
  readonly #schedule: AttackSchedule
  readonly #turned: () => void
  #turn: Turn | undefined

  /** `turned` is called when a round begins, whether the attack plays in it or not. */
  constructor(schedule: AttackSchedule, turned: () => void = () => {}) {
    this.#schedule = schedule
    this.#turned = turned
  }

  /** Undefined before the first round, and in rounds that the schedule leaves out. */
  get turn(): Turn | undefined {
    return this.#turn !== undefined && playsIn(this.#schedule, this.#turn.round.round) ? this.#turn : undefined
  }

  /** Part of the disguise: the strategy that says where the run is. */
  readonly follow: NonNullable<Disguise['strategy']> = (honest, manifest) =>
    replace(honest, {
      round: (round) => {
        this.#turn = { round, manifest }
        this.#turned()
        return honest.round(round)
      }
    })
}
