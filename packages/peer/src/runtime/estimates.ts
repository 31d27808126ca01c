import { PeergradError, type Engine, type GradientStore, type Logger } from '@peergrad/core'
import { evaluated } from './evaluated.js'
import type { EventBody } from './journal.js'

export interface EstimatesInit {
  readonly engine: Engine
  readonly store: GradientStore
  readonly logger: Logger
  readonly emit: (event: EventBody) => void
  /** rounds between two estimates; 0: none */
  readonly every: number
  /** test samples of one */
  readonly samples: number
}

/** Test accuracy while the run goes on, on a part of the test split; in the background, one at a time. */
export class Estimates {
  readonly #init: EstimatesInit
  #running: Promise<void> | undefined
  /** the last one, 0 … 1 */
  accuracy = 0

  constructor(init: EstimatesInit) {
    this.#init = init
  }

  /** After a round whose new state has this key. */
  async afterRound(round: number, key: string): Promise<void> {
    const { engine, store, logger, emit, every, samples: limit } = this.#init
    if (every === 0 || (round + 1) % every !== 0 || this.#running !== undefined) return
    const state = await store.get(key)
    this.#running = engine
      .evaluate({ state: state.vector, limit })
      .then((result) => {
        this.accuracy = result.accuracy
        emit(evaluated(result, { round }))
      })
      .catch((thrown: unknown) =>
        logger.warn({ round, error: PeergradError.from(thrown).message }, 'evaluation failed')
      )
      .finally(() => {
        state.release()
        this.#running = undefined
      })
  }

  /** Settles when none is under way. */
  async settled(): Promise<void> {
    await this.#running
  }
}
