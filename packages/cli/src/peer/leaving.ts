import type { PeergradError } from '@peergrad/core'

/** Milliseconds that a peer has to leave its run in good order: less than `train` waits before it kills. */
const GRACE = 4000
/** Milliseconds after that in which what is open can be closed. */
const CLOSING = 750

/** How a peer ends before its run does. */
export class Leaving {
  readonly #leave = new AbortController()
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

  /** From the second call on it does nothing. */
  start(reason: PeergradError): void {
    if (this.#leave.signal.aborted) return
    this.#leave.abort(reason)
    setTimeout(() => {
      this.#giveUp.abort(reason)
      setTimeout(this.#exit, CLOSING).unref()
    }, GRACE).unref()
  }
}
