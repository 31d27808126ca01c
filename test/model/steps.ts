import type { PeerState, PeerStates } from './peer-states.js'
import type { Said } from './sayings.js'

/** Where a peer may get, and by how many disturbances at least. */
type Reached = ReadonlyMap<PeerState, number>

interface Closure {
  /** reached without a word, the state itself included */
  readonly silent: Reached
  /** reached by a last step that others can see, or that ends the round here */
  readonly visible: Reached
}

/**
 * Steps of one peer while the others stand still. A silent step is one after which the peer has said nothing new: the
 * others cannot tell whether it was made. As nothing that was said is ever lost, each silent step may wait until just
 * before the next visible one of the same peer, so it is enough to interleave visible steps, each with the silent ones
 * that lead to it. And of two visible ends of which one leads to the other in silence, the first is enough. Accepts of
 * others only count towards a decision, so they are heard just before it.
 */
export class Steps {
  readonly #states: PeerStates
  readonly #closures = new Map<string, Closure>()
  readonly #macros = new Map<string, Reached>()

  constructor(states: PeerStates) {
    this.#states = states
  }

  /** Every single step, with a disturbance only if one is left. */
  single(state: PeerState, others: readonly Said[], times: number): Reached {
    const reached = this.#unheard(state, times)
    for (const { sayings } of others) for (const saying of sayings) reached.set(this.#states.hear(state, saying), 0)
    reached.delete(state)
    return reached
  }

  /** As `single`, but accepts are heard together, and only when they are enough for something. */
  #relevant(state: PeerState, others: readonly Said[], times: number): Reached {
    const reached = this.#unheard(state, times)
    const accepted = new Map<string, PeerState>()
    for (const said of others) {
      for (const to of this.#states.heard(state, said)) reached.set(to, 0)
      for (const [key, accept] of said.accepts) {
        accepted.set(key, this.#states.hear(accepted.get(key) ?? state, accept))
      }
    }
    for (const to of accepted.values()) if (isVisible(state, to)) reached.set(to, 0)
    return reached
  }

  #unheard(state: PeerState, times: number): Map<PeerState, number> {
    const reached = new Map<PeerState, number>()
    if (times > 0) for (const to of this.#states.disturbed(state)) reached.set(to, 1)
    for (const to of this.#states.moved(state)) reached.set(to, 0)
    return reached
  }

  /** The visible steps, each with the silent ones before it, by at most so many disturbances. */
  visible(state: PeerState, others: readonly Said[], times: number): Reached {
    const key = keyOf(state, others, times)
    let macro = this.#macros.get(key)
    if (macro === undefined) this.#macros.set(key, (macro = this.#minimal(state, others, times)))
    return macro
  }

  /** What the peer may be in without having said more, by at most so many disturbances. */
  silent(state: PeerState, others: readonly Said[], times: number): Reached {
    return this.#closure(state, others, times).silent
  }

  /** One line for each step from one state of a peer to another. */
  describe(from: PeerState, to: PeerState, others: readonly Said[]): string[] {
    const before = new Map<PeerState, PeerState>()
    const queue = [from]
    for (const state of queue) {
      if (state === to) break
      for (const next of this.single(state, others, 1).keys()) {
        if (before.has(next) || (next !== to && isVisible(from, next))) continue
        before.set(next, state)
        queue.push(next)
      }
    }
    const lines: string[] = []
    for (let at = to; at !== from;) {
      const earlier = before.get(at) as PeerState
      lines.unshift(this.#states.describe(earlier, at, others))
      at = earlier
    }
    return lines
  }

  #minimal(state: PeerState, others: readonly Said[], times: number): Reached {
    const { visible } = this.#closure(state, others, times)
    const minimal = new Map(visible)
    for (const [first, cost] of visible) {
      if (!minimal.has(first)) continue
      for (const [later, more] of this.silent(first, others, times - cost)) {
        const total = minimal.get(later)
        if (later !== first && total !== undefined && cost + more <= total) minimal.delete(later)
      }
    }
    return minimal
  }

  #closure(state: PeerState, others: readonly Said[], times: number): Closure {
    const key = keyOf(state, others, times)
    let closure = this.#closures.get(key)
    if (closure === undefined) this.#closures.set(key, (closure = this.#close(state, others, times)))
    return closure
  }

  #close(state: PeerState, others: readonly Said[], times: number): Closure {
    const silent = new Map<PeerState, number>([[state, 0]])
    const visible = new Map<PeerState, number>()
    let level = [state]
    for (let cost = 0; cost <= times && level.length > 0; cost++) {
      const dearer: PeerState[] = []
      for (const at of level) {
        for (const [to, more] of this.#relevant(at, others, times - cost)) {
          const total = cost + more
          const reached = isVisible(state, to) ? visible : silent
          if (total >= (reached.get(to) ?? Infinity)) continue
          reached.set(to, total)
          if (reached === silent) (more === 0 ? level : dearer).push(to)
        }
      }
      level = dearer.filter((to) => silent.get(to) === cost + 1)
    }
    return { silent, visible }
  }
}

function isVisible(from: PeerState, to: PeerState): boolean {
  return to.said !== from.said || to.decision !== undefined || to.fault !== undefined
}

function keyOf(state: PeerState, others: readonly Said[], times: number): string {
  return `${state.id}:${times}:${others.map(({ id }) => id).join()}`
}
