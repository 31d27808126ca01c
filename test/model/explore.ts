import type { Case } from './case.js'
import { Completion } from './completion.js'
import { bearable, brokenLaw, type Violation } from './laws.js'
import { PeerStates, type PeerState } from './peer-states.js'
import type { Said } from './sayings.js'
import { Steps } from './steps.js'
import { TupleTable } from './tuple-table.js'

export interface Exploration {
  readonly states: number
  readonly transitions: number
  /** states in which somebody has decided */
  readonly decided: number
  /** what was decided in one history or another */
  readonly values: ReadonlySet<string>
  /** steps from the start to the furthest state */
  readonly deepest: number
  /** states of single peers that the agreement was driven to */
  readonly peerStates: number
  /** fair ends that were tried */
  readonly ends: number
  /** nothing was left out */
  readonly complete: boolean
  readonly violation?: Violation
}

export interface Bounds {
  /** states after which the exploration stops */
  readonly states?: number
  /** progress is checked from every so-manieth state; 0: from none */
  readonly progress?: number
  /** progress needs no `stalled`, as long as nothing is lost */
  readonly prompt?: boolean
  /** every interleaving of single steps, also of those that no other peer can see */
  readonly full?: boolean
  /** sees each state once */
  readonly visit?: (peers: readonly PeerState[]) => void
}

/**
 * Every state of a case, breadth first. A state is what each peer is in and how often it was disturbed: what is in
 * flight follows from what was said, since the network may deliver all of it again or never. So loss, duplication and
 * reordering are unbounded, and a crash at any point is a peer that takes no further step: what safety forbids, it
 * forbids with them too. Progress is checked from the states themselves, for each set of members that a run must bear
 * to lose.
 */
export function explore(given: Case, bounds: Bounds = {}, states = new PeerStates(given)): Exploration {
  return new Explorer(states, {
    states: Infinity,
    progress: 0,
    prompt: false,
    full: false,
    visit: () => {},
    ...bounds
  }).run()
}

class Explorer {
  readonly #case: Case
  readonly #bounds: Required<Bounds>
  readonly #states: PeerStates
  readonly #steps: Steps
  readonly #completion: Completion
  readonly #table: TupleTable
  readonly #values = new Set<string>()
  /** of each state, the one that it was first reached from */
  #parents = new Int32Array(1 << 12)
  #transitions = 0
  #decided = 0

  constructor(states: PeerStates, bounds: Required<Bounds>) {
    this.#case = states.case
    this.#bounds = bounds
    this.#states = states
    this.#steps = new Steps(states)
    this.#completion = new Completion(states)
    this.#table = new TupleTable(states.members.length + 1)
  }

  run(): Exploration {
    this.#table.add([...this.#states.initial().map(({ id }) => id), 0])
    let deepest = 0
    let levelEnd = 1
    let index = 0
    for (; index < this.#table.size && index < this.#bounds.states; index++) {
      if (index === levelEnd) {
        deepest += 1
        levelEnd = this.#table.size
      }
      const violation = this.#expand(index) ?? this.#stuck(index)
      if (violation !== undefined) return { ...this.#result(index + 1, deepest), violation }
    }
    return this.#result(index, deepest)
  }

  #result(states: number, deepest: number): Exploration {
    return {
      states,
      transitions: this.#transitions,
      decided: this.#decided,
      values: this.#values,
      deepest,
      peerStates: this.#states.size,
      ends: this.#completion.tried,
      complete: states === this.#table.size
    }
  }

  /** Every step from this state. */
  #expand(index: number): Violation | undefined {
    const tuple = this.#table.read(index)
    const peers = this.#peers(tuple)
    const n = peers.length
    const used = tuple[n]
    this.#bounds.visit(peers)
    if (peers.some(({ decision }) => decision !== undefined)) this.#decided += 1
    for (const [self, peer] of peers.entries()) {
      if (peer.decision !== undefined) continue
      const others = this.#others(peers, self)
      const times = (this.#case.times ?? 0) - used
      const steps = this.#steps
      const reached = this.#bounds.full ? steps.single(peer, others, times) : steps.visible(peer, others, times)
      for (const [to, cost] of reached) {
        this.#transitions += 1
        tuple[self] = to.id
        tuple[n] = used + cost
        const { size } = this.#table
        if (this.#table.add(tuple) === size) this.#remember(size, index)
        if (to.decision === undefined && to.fault === undefined) continue
        if (to.value !== undefined) this.#values.add(to.value)
        peers[self] = to
        const law = brokenLaw(peers, self)
        peers[self] = peer
        if (law !== undefined) {
          return { law, trace: [...this.#trace(index), ...this.#steps.describe(peer, to, others)] }
        }
      }
      tuple[self] = peer.id
      tuple[n] = used
    }
    return undefined
  }

  /** From here a fair end breaks a law. */
  #stuck(index: number): Violation | undefined {
    const { progress, prompt, full } = this.#bounds
    if (progress === 0 || index % progress !== 0) return undefined
    const before = this.#peers(this.#table.read(index))
    const peers = full ? before : before.map((peer, self) => this.#anySilent(before, peer, self, index))
    for (const gone of bearable(this.#case)) {
      for (const lost of prompt ? [false] : [true, false]) {
        const found = this.#completion.violation(peers, { gone, lost, prompt })
        if (found === undefined) continue
        const silent = before.flatMap((peer, self) =>
          this.#steps.describe(peer, peers[self], this.#others(before, self))
        )
        return { law: found.law, trace: [...this.#trace(index), ...silent, ...found.trace] }
      }
    }
    return undefined
  }

  /** One of the states that this peer may be in without having said more, another one for each `index`. */
  #anySilent(peers: readonly PeerState[], peer: PeerState, self: number, index: number): PeerState {
    const times = (this.#case.times ?? 0) - this.#table.read(index)[peers.length]
    const silent = this.#steps.silent(peer, this.#others(peers, self), Math.floor(times / peers.length))
    return [...silent.keys()][(index * 31 + self * 17) % silent.size]
  }

  #others(peers: readonly PeerState[], self: number): Said[] {
    return peers.filter((_, index) => index !== self).map(({ said }) => said)
  }

  #peers(tuple: readonly number[]): PeerState[] {
    return Array.from({ length: this.#case.members }, (_, index) => this.#states.state(tuple[index]))
  }

  #remember(index: number, parent: number): void {
    if (index === this.#parents.length) {
      const longer = new Int32Array(this.#parents.length * 2)
      longer.set(this.#parents)
      this.#parents = longer
    }
    this.#parents[index] = parent
  }

  #trace(index: number): string[] {
    const path = [index]
    while (path[0] > 0) path.unshift(this.#parents[path[0]])
    const reached = path.map((at) => this.#peers(this.#table.read(at)))
    return reached.slice(1).flatMap((after, step) => {
      const before = reached[step]
      const self = after.findIndex((peer, which) => peer !== before[which])
      return this.#steps.describe(before[self], after[self], this.#others(before, self))
    })
  }
}
