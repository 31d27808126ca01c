import { random, type Random } from '@peergrad/core'
import type { Case } from './case.js'
import { Completion } from './completion.js'
import type { Input } from './inputs.js'
import { bearable, brokenLaw, type Violation } from './laws.js'
import { PeerStates, type PeerState } from './peer-states.js'
import type { Saying } from './sayings.js'

export interface Walk {
  readonly steps: number
  /** members that decided before the fair end */
  readonly decided: number
  readonly crashed: number
  /** the highest that anybody spoke of */
  readonly ballot: number
  readonly violation?: Violation
}

/**
 * One history at random with as many crashes as a run must bear, then a fair end of it. Messages come in any order, and
 * every tenth comes twice; which kinds are slow on which links, how much is lost and how often something disturbs differ from seed to
 * seed. The same seed gives the same walk.
 */
export function walk(given: Case, steps: number, seed: number): Walk {
  return new Walker(given, random(seed, 'walk', given.members)).run(steps)
}

const KINDS: readonly Saying['body']['kind'][] = [
  'manifest',
  'prepare',
  'promise',
  'propose',
  'accept',
  'failed',
  'decision'
]

class Walker {
  readonly #random: Random
  readonly #states: PeerStates
  readonly #peers: PeerState[]
  readonly #doomed: readonly number[]
  readonly #gone: number[] = []
  /** what each member has still to hear */
  readonly #inboxes: Saying[][]
  readonly #trace: string[] = []
  /** kinds of messages that come late, by sender and hearer */
  readonly #slow: ReadonlySet<string>
  /** one message in so many is lost */
  readonly #loss: number
  /** one step in so many is a disturbance, while they last */
  readonly #unrest: number
  #disturbances: number

  constructor(given: Case, seeded: Random) {
    this.#random = seeded
    this.#states = new PeerStates(given)
    this.#peers = this.#states.initial()
    this.#inboxes = this.#peers.map(() => [])
    this.#doomed = this.#pick(bearable(given))
    const slow = this.#random.below(100)
    const links = this.#peers.flatMap(({ self: from }) => this.#peers.map(({ self: to }) => ({ from, to })))
    const all = links.flatMap(({ from, to }) => KINDS.map((kind) => `${kind} ${from} ${to}`))
    const quiet = this.#chance(2)
    const late = (kind: string) => (quiet && kind === 'decision') || this.#random.below(100) < slow
    this.#slow = new Set(all.filter((link) => late(link.split(' ')[0])))
    this.#loss = this.#pick([3, 20, 1000])
    this.#unrest = this.#pick([4, 10, 30])
    this.#disturbances = given.times ?? 0
  }

  run(steps: number): Walk {
    for (let step = 0; step < steps; step++) {
      const open = this.#peers.filter(({ self, decision }) => decision === undefined && !this.#gone.includes(self))
      if (open.length === 0) break
      const { self } = this.#pick(open)
      this.#advance(self)
      // the worst moment is right after a decision
      if (this.#doomed.includes(self) && this.#chance(this.#peers[self].decision === undefined ? 30 : 2))
        this.#crash(self)
      const law = brokenLaw(this.#peers, self)
      if (law !== undefined) return { ...this.#result(), violation: { law, trace: this.#trace } }
    }
    const rest = { gone: this.#doomed, lost: this.#chance(2) }
    const found = new Completion(this.#states).violation(this.#peers, rest)
    if (found === undefined) return this.#result()
    return { ...this.#result(), violation: { law: found.law, trace: [...this.#trace, ...found.trace] } }
  }

  #result(): Walk {
    return {
      steps: this.#trace.length,
      decided: this.#peers.filter(({ decision }) => decision !== undefined).length,
      crashed: this.#gone.length,
      ballot: Math.max(...this.#peers.map(({ ballot }) => ballot))
    }
  }

  #advance(self: number): void {
    const before = this.#peers[self]
    const inbox = this.#inboxes[self]
    const disturbances = this.#disturbances > 0 && this.#chance(this.#unrest) ? this.#states.disturbances(before) : []
    const moves = this.#states.moves(before)
    if (disturbances.length > 0) this.#step(self, this.#pick(disturbances))
    else if (moves.length > 0 && this.#random.below(inbox.length + moves.length) >= inbox.length) {
      this.#step(self, this.#pick(moves))
    } else if (inbox.length > 0) {
      const index = this.#random.below(inbox.length)
      if (this.#slow.has(`${inbox[index].body.kind} ${inbox[index].from} ${self}`) && !this.#chance(50)) return
      this.#arrive(this.#states.hear(before, inbox[index]))
      if (!this.#chance(10)) inbox.splice(index, 1)
    }
    if (disturbances.length > 0 && this.#peers[self] !== before) this.#disturbances -= 1
  }

  /** Its last messages may be lost with it. */
  #crash(self: number): void {
    this.#gone.push(self)
    this.#trace.push(`${this.#states.members[self]} crashes`)
    if (this.#chance(2)) return
    for (const [index, inbox] of this.#inboxes.entries())
      this.#inboxes[index] = inbox.filter(({ from }) => from !== self)
  }

  #step(self: number, input: Input): void {
    this.#arrive(this.#states.step(this.#peers[self], input))
  }

  #arrive(after: PeerState): void {
    const before = this.#peers[after.self]
    if (before === after) return
    this.#trace.push(
      this.#states.describe(
        before,
        after,
        this.#peers.map(({ said }) => said)
      )
    )
    this.#peers[after.self] = after
    for (const saying of after.said.sayings) {
      if (before.said.sayings.includes(saying)) continue
      for (const [self, inbox] of this.#inboxes.entries())
        if (self !== after.self && !this.#chance(this.#loss)) inbox.push(saying)
    }
  }

  #chance(oneIn: number): boolean {
    return this.#random.below(oneIn) === 0
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)]
  }
}
