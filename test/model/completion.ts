import type { PeerId } from '@peergrad/core'
import { inputs, type Exchange, type Input } from './inputs.js'
import { brokenLaw, type Violation } from './laws.js'
import type { PeerState, PeerStates } from './peer-states.js'
import type { Saying } from './sayings.js'
import { TupleTable } from './tuple-table.js'

/** Turns of everybody's time-outs. */
const TURNS = 4
/** Steps of a fair end that a trace tells. */
const TOLD = 60
/** Steps after which a fair end counts as none. */
const PATIENCE = 3000

export interface Rest {
  /** who takes no step any more */
  readonly gone: readonly number[]
  /** what was said so far is lost, but for what the living say again: their manifests and their newest ballot's messages */
  readonly lost: boolean
  /** without a single `stalled` */
  readonly prompt?: boolean
}

/**
 * Fair ends of rounds: from a state, everything arrives, exchanges end as they can among the living, suspicions become
 * right, and time-outs come one after the other, until all who live have decided.
 */
export class Completion {
  tried = 0
  readonly #states: PeerStates
  /** what is known to end well */
  readonly #good: TupleTable

  constructor(states: PeerStates) {
    this.#states = states
    this.#good = new TupleTable(states.members.length + 1)
  }

  /** What is wrong with the end, if something is, and the steps from these states to there. */
  violation(peers: readonly PeerState[], rest: Rest): Violation | undefined {
    this.tried += 1
    const run = new Run(this.#states, [...peers], rest)
    const mode = rest.gone.reduce((sum, peer) => sum + 2 ** (peer + 2), (rest.prompt ? 2 : 0) + (rest.lost ? 1 : 0))
    const path: number[][] = []
    for (const steps = run.steps(); ;) {
      const tuple = [...run.peers.map(({ id }) => id), mode]
      if (this.#good.has(tuple)) break
      path.push(tuple)
      if (run.decided) break
      const { value: changed } = steps.next()
      if (changed === undefined || path.length > PATIENCE) return { law: this.#undecided(rest), trace: run.trace() }
      const law = brokenLaw(run.peers, changed)
      if (law !== undefined) return { law, trace: run.trace() }
    }
    for (const tuple of path) this.#good.add(tuple)
    return undefined
  }

  #undecided({ gone, lost, prompt }: Rest): string {
    const names = gone.map((peer) => this.#states.members[peer]).join()
    const flight = `what was in flight ${lost ? 'lost' : 'delivered'}`
    return `undecided ${prompt ? 'until a time-out' : 'for ever'}, with [${names}] gone and ${flight}`
  }
}

class Run {
  readonly peers: PeerState[]
  readonly #states: PeerStates
  readonly #rest: Rest
  readonly #alive: readonly number[]
  readonly #gone: readonly PeerId[]
  readonly #made: { readonly before: PeerState; readonly after: PeerState }[] = []

  constructor(states: PeerStates, peers: PeerState[], rest: Rest) {
    this.#states = states
    this.peers = peers
    this.#rest = rest
    this.#alive = peers.map((_, index) => index).filter((index) => !rest.gone.includes(index))
    this.#gone = rest.gone.map((index) => states.members[index])
  }

  get decided(): boolean {
    return this.#alive.every((self) => this.peers[self].decision !== undefined)
  }

  /** Its steps. */
  trace(): string[] {
    const said = this.peers.map((peer) => peer.said)
    const steps = this.#made.map(({ before, after }) => this.#states.describe(before, after, said))
    return ['then, in the fair end:', ...steps.slice(0, TOLD), ...(steps.length > TOLD ? ['and so on'] : [])]
  }

  /** Yields whom each change was of. */
  *steps(): Generator<number, undefined> {
    const { members } = this.#states
    yield* this.#settle()
    for (const self of this.#alive) {
      const state = () => this.peers[self]
      for (const gone of this.#rest.gone) yield* this.#step(self, inputs.suspect(members[gone]))
      for (const peer of state().suspects) {
        if (!this.#gone.includes(peer)) yield* this.#step(self, inputs.trust(peer))
      }
      if (!state().contributed) yield* this.#step(self, this.#states.contribution(state()))
    }
    yield* this.#settle()
    for (const self of this.#alive) yield* this.#step(self, inputs.collected)
    yield* this.#settle()
    if (this.#rest.prompt) return
    for (let turn = 0; turn < TURNS * members.length; turn++) {
      for (const self of this.#alive) {
        yield* this.#step(self, inputs.stalled)
        yield* this.#settle()
      }
    }
  }

  *#settle(): Generator<number, undefined> {
    for (let changed = true; changed;) {
      changed = false
      for (const self of this.#alive) {
        for (const saying of this.#sayings()) {
          const before = this.peers[self]
          if (before.decision !== undefined) break
          if (!this.#enter(before, this.#states.hear(before, saying))) continue
          changed = true
          yield self
        }
        for (const exchange of this.peers[self].exchanges) {
          const before = this.peers[self]
          yield* this.#step(self, this.#end(exchange))
          changed ||= this.peers[self] !== before
        }
      }
      if (changed) continue
      for (const self of this.#alive) {
        const before = this.peers[self]
        yield* this.#step(self, inputs.settle(before.ballot))
        changed ||= this.peers[self] !== before
      }
    }
  }

  *#step(self: number, input: Input): Generator<number, undefined> {
    const before = this.peers[self]
    if (before.decision !== undefined) return
    if (this.#enter(before, this.#states.step(before, input))) yield self
  }

  /** False when nothing changes. */
  #enter(before: PeerState, after: PeerState): boolean {
    if (before === after) return false
    this.peers[after.self] = after
    this.#made.push({ before, after })
    return true
  }

  /** What arrives. */
  #sayings(): Saying[] {
    if (!this.#rest.lost) return this.peers.flatMap(({ said }) => said.sayings)
    return this.#alive.flatMap((index) => {
      const { said, ballot } = this.peers[index]
      return said.sayings.filter(({ body }) => !('ballot' in body) || body.ballot === ballot)
    })
  }

  /** How this exchange ends among the living: contributions of the gone are lost, outcomes that others hold are not. */
  #end(exchange: Exchange): Input {
    const { proposal, outcome } = exchange
    if (proposal === null) {
      const held = this.#alive.some((index) => this.peers[index].held.includes(outcome as string))
      return held ? this.#states.completions(exchange)[0] : inputs.fail(exchange, [])
    }
    const lost = proposal.contributions.map(({ peer }) => peer).filter((peer) => this.#gone.includes(peer))
    return lost.length > 0 ? inputs.fail(exchange, lost) : this.#states.completions(exchange)[0]
  }
}
