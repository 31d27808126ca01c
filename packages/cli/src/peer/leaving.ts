import type { PeergradError } from '@peergrad/core'

/** Milliseconds that a peer has to leave its run in good order and to write a checkpoint. */
const GRACE = 1500
/** Milliseconds after that in which what is open can be closed: under two seconds in all. */
const CLOSING = 400

/** How a peer ends before its run does. */
export class Leaving {
  readonly #leave = new AbortController()
  readonly #stop = new AbortController()
  readonly #both = AbortSignal.any([this.#leave.signal, this.#stop.signal])
  readonly #giveUp = new AbortController()
  readonly #exit: () => void

  /** @param exit ends the process: called when it has neither left nor given up in time */
  constructor(exit: () => void) {
    this.#exit = exit
  }

  /** Aborts to leave the run in good order. */
  get leave(): AbortSignal {
    return this.#leave.signal
  }

  /** Aborts when the time for that is over. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal
  }

  /** Aborts when all peers of the run stop. */
  get stop(): AbortSignal {
    return this.#stop.signal
  }

  /** Aborts with either. */
  get ends(): AbortSignal {
    return this.#both
  }

  /** Leaves the run, or stops with all others. From the second call on it does nothing. */
  start(reason: PeergradError, how: 'leave' | 'stop'): void {
    if (this.#both.aborted) return
    if (how === 'leave') this.#leave.abort(reason)
    else this.#stop.abort(reason)
    setTimeout(() => {
      this.#giveUp.abort(reason)
      setTimeout(this.#exit, CLOSING).unref()
    }, GRACE).unref()
  }
}
