import { PeergradError } from '@peergrad/core'
import type { Missing } from './vector-inquiries.js'

/** Times that a coordinator is replaced while a strategy waits for what none of those that are all here publishes. */
const MOST = 5

export interface UnpublishedInit {
  /** of the strategy */
  readonly name: string
  readonly round: number
  /** what is waited for */
  readonly missing: () => Missing | undefined
  /** nobody of the view is suspected */
  readonly whole: () => boolean
}

/** What a member that is here has not published in ballot after ballot it never will: then the strategy is wrong. */
export class Unpublished {
  readonly #init: UnpublishedInit
  #times = 0

  constructor(init: UnpublishedInit) {
    this.#init = init
  }

  /** Called when a ballot lasted for so many milliseconds; what ends the round, when it was one too many. */
  stalled(milliseconds: number): PeergradError | undefined {
    const { name, round, missing: find, whole } = this.#init
    const missing = find()
    this.#times = missing !== undefined && whole() ? this.#times + 1 : 0
    if (missing === undefined || this.#times < MOST) return undefined
    const who = `strategy ${name}`
    const { label, peer } = missing
    const tried = `round ${round} was tried ${MOST} times, each for ${milliseconds / 1000} s`
    const message = `${who}: ${tried}, and waits to receive "${label}" from ${peer}, which is here and publishes no such vector; mend the strategy, or raise --deadline if that peer needs longer for it`
    return new PeergradError('timeout', message, { plugin: who, peer, label })
  }
}
