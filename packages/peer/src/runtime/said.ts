import type { Clock, ControlMessage } from '@peergrad/core'

/** Milliseconds after which what was said of a round is said again; the first times so often, then more seldom. */
const REPEAT = 1000
const OFTEN = 8

type Saying = ControlMessage & { readonly ballot?: number }

/** What a peer says of one round, and says again: gossip may lose a message, above all while a mesh forms. */
export class Said {
  readonly #clock: Clock
  readonly #send: (message: ControlMessage) => void
  /** the manifest, and the messages of the newest ballot */
  #messages: Saying[] = []
  #times = 0
  #cancel: () => void = () => {}

  constructor({ clock, send }: { readonly clock: Clock; readonly send: (message: ControlMessage) => void }) {
    this.#clock = clock
    this.#send = send
  }

  say(message: Saying): void {
    const { ballot } = message
    if (ballot !== undefined)
      this.#messages = this.#messages.filter((said) => said.ballot === undefined || said.ballot === ballot)
    this.#messages.push(message)
    this.#send(message)
  }

  /** Until `stop`. */
  repeat(): void {
    this.#cancel = this.#clock.after(this.#times++ < OFTEN ? REPEAT : REPEAT * OFTEN, () => {
      for (const message of this.#messages) this.#send(message)
      this.repeat()
    })
  }

  stop(): void {
    this.#cancel()
  }
}
