import type { PeerId } from '@peergrad/core'
import type { StateBook, Judgement } from './state-book.js'

/** Milliseconds after which a state counts as wrong when most are elsewhere: before that some may be late, or ahead. */
const MOMENT = 5000
/** Rounds that a member may be behind a state that its majority made. */
const BEHIND = 2

/** Who says what of a state that was given. */
interface Said {
  readonly book: StateBook
  /** of the view that came with the state, or that it led to */
  readonly members: readonly PeerId[]
  /** those of them that are here */
  readonly here: readonly PeerId[]
  /** peers of the run that are in no such view, and in a state that their majority has */
  readonly outside: readonly PeerId[]
  readonly now: number
}

/**
 * A state that others gave. Nothing binds its view but their word, and its hash says nothing of the optimiser's vectors: so peers
 * outside that view are heard as well, until a majority agrees about a round that was made from it.
 */
export class GivenState {
  readonly donors: readonly PeerId[]
  readonly #round: number
  readonly #since: number
  readonly #self: PeerId

  constructor({ donors, round, now, self }: { donors: readonly PeerId[]; round: number; now: number; self: PeerId }) {
    this.donors = donors
    this.#round = round
    this.#since = now
    this.#self = self
  }

  /** What a majority of all that are here says; undefined while too few have spoken. */
  verdict(said: Said): Judgement | undefined {
    const { book, members, here, now } = said
    const inside = book.verdict(members, this.#self)
    const behind = here.filter((peer) => book.agrees(peer) === undefined && this.#isBehind(book.round(peer)))
    const elsewhere = behind.length + this.#strangers(said).length
    if (inside === 'differs') return inside
    if (now - this.#since > MOMENT && elsewhere > here.length - behind.length) return 'differs'
    return inside === 'same' && this.#holds(said) ? inside : undefined
  }

  /** Whether a majority agrees about what was made from it. */
  isProved(said: Said): boolean {
    const { book, members, now } = said
    const later = book.verdict(members, this.#self, this.#round + 1)
    return now - this.#since > MOMENT && later === 'same' && this.#holds(said)
  }

  #holds(said: Said): boolean {
    const agreeing = [...said.here, ...said.outside].filter((peer) => said.book.agrees(peer) === true)
    return agreeing.length > this.#strangers(said).length
  }

  #strangers({ book, outside }: Said): readonly PeerId[] {
    return outside.filter((peer) => book.agrees(peer) !== true)
  }

  #isBehind(round: number): boolean {
    return round >= 0 && round + BEHIND < this.#round
  }
}
