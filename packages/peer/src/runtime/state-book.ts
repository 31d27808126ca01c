import { quorum, type Beat, type PeerId } from '@peergrad/core'

/** Rounds that are remembered, of each peer. */
const SPAN = 16
/**
 * Rounds that a peer may be behind and still be up to date, and milliseconds for which a state that this peer has left
 * is as good as the one it is in: what follows is always a little late, and a beat takes its time.
 */
const BEHIND = 2
const FRESH = 250

/** A model state and what else must be the same: the round that starts from it, its hash and plan. */
type State = Pick<Beat, 'round' | 'hash' | 'plan'>

/** What others say of this peer's state. */
export type Judgement = 'same' | 'differs'

/** The states in which this peer and the others were, round by round, as their beats say. */
export class StateBook {
  readonly #own = new Map<number, State & { readonly since: number }>()
  readonly #others = new Map<PeerId, { readonly states: Map<number, State>; last: State; confirmed: boolean }>()

  /** This peer came into a state. */
  enter(state: State, now: number): void {
    remember(this.#own, { ...state, since: now })
  }

  /** The state is no good: those before it say nothing of the one that is taken anew. */
  lose(): void {
    this.#own.clear()
  }

  record(peer: PeerId, beat: Beat): void {
    if (!beat.stateful) return void this.#others.delete(peer)
    let theirs = this.#others.get(peer)
    if (theirs !== undefined) theirs.confirmed = beat.confirmed
    // most beats say what the one before them said
    if (theirs?.last.round === beat.round && same(theirs.last, beat)) return
    if (theirs === undefined)
      this.#others.set(peer, (theirs = { states: new Map(), last: beat, confirmed: beat.confirmed }))
    theirs.last = beat
    remember(theirs.states, beat)
  }

  /** What a peer said that is gone. */
  forget(peer: PeerId): void {
    this.#others.delete(peer)
  }

  /** The round that the peer said last that it is in, −1 before it said any. */
  round(peer: PeerId): number {
    return this.#others.get(peer)?.last.round ?? -1
  }

  /** Peers that say that a majority is in the same state as they. */
  get confirmed(): readonly PeerId[] {
    return [...this.#others].flatMap(([peer, { confirmed }]) => (confirmed ? [peer] : []))
  }

  /** Who is, or was a few rounds ago, in a state. */
  witnesses(state: State): readonly PeerId[] {
    return [...this.#others].flatMap(([peer, { states }]) => {
      const theirs = states.get(state.round)
      return theirs !== undefined && same(theirs, state) ? [peer] : []
    })
  }

  /** Whether the peer is in a state that this peer is in, or left a moment ago. */
  upToDate(peer: PeerId, now: number): boolean {
    const round = this.round(peer)
    if (this.agrees(peer) !== true) return false
    const after = this.#own.get(round + BEHIND + 1)
    return after === undefined || now - after.since <= FRESH
  }

  /**
   * What a majority of the members says of the states that this peer was in, from round `from` on; undefined while too few
   * have spoken. The own word counts with the others' when this peer is a member.
   */
  verdict(members: readonly PeerId[], self: PeerId, from = 0): Judgement | undefined {
    const needed = quorum(members.length)
    const others = members.filter((peer) => peer !== self)
    const said = others.map((peer) => this.agrees(peer, from))
    const same = said.filter((each) => each === true).length
    if (others.length === 0 || (same > 0 && same + Number(members.includes(self)) >= needed)) return 'same'
    return said.filter((each) => each === false).length >= needed ? 'differs' : undefined
  }

  /** Whether the peer was in the same state in the last round, from one on, that both were in; undefined when there is none. */
  agrees(peer: PeerId, from = 0): boolean | undefined {
    const theirs = this.#others.get(peer)
    if (theirs === undefined) return undefined
    const own = (round: number) => (round < from ? undefined : this.#own.get(round))
    const last = own(theirs.last.round)
    if (last !== undefined) return same(last, theirs.last)
    for (const state of [...theirs.states.values()].reverse()) {
      const ours = own(state.round)
      if (ours !== undefined) return same(ours, state)
    }
    return undefined
  }
}

function same(a: State, b: State): boolean {
  return a.hash === b.hash && a.plan === b.plan
}

function remember<T extends State>(states: Map<number, T>, state: T): void {
  states.delete(state.round)
  states.set(state.round, state)
  for (const oldest of states.keys()) {
    if (states.size <= SPAN) return
    states.delete(oldest)
  }
}
