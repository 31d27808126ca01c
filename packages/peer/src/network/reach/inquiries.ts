import type { PeerId } from '@peergrad/core'

/** Milliseconds between two inquiries: a peer that died is asked after too, more and more rarely. */
const PAUSE = { first: 1000, factor: 2, most: 60_000 }

export interface InquiriesInit {
  /** whether somebody is to be reached who is not */
  readonly missing: () => boolean
  readonly members: () => readonly PeerId[]
  /** Asks a member whom it knows, and where they are. */
  readonly ask: (member: PeerId) => Promise<unknown>
}

/** Asks members again where the others are: one that cannot be dialled may have found a relay, another one has moved. */
export class Inquiries {
  readonly #init: InquiriesInit
  #pause = PAUSE.first
  #next = 0

  constructor(init: InquiriesInit) {
    this.#init = init
  }

  look(now: number): void {
    const { missing, members, ask } = this.#init
    if (!missing()) {
      this.#pause = PAUSE.first
      this.#next = now + this.#pause
      return
    }
    const known = members()
    const member = known[Math.floor(Math.random() * known.length)]
    if (now < this.#next || member === undefined) return
    this.#next = now + this.#pause
    this.#pause = Math.min(this.#pause * PAUSE.factor, PAUSE.most)
    // one that does not answer is the members' to look after
    ask(member).catch(() => undefined)
  }
}
