import type { PeerId, Proposal } from '@peergrad/core'
import { RoundAgreement, type AgreementInit, type AgreementMessage, type Decision } from '@peergrad/peer'
import {
  manifestsOf,
  membersOf,
  minimumOf,
  nameOf,
  outcomeOf,
  type Case,
  type Disturbance,
  type Subject
} from './case.js'
import { inputs, type Exchange, type Input } from './inputs.js'
import { Sayings, type Said, type Saying } from './sayings.js'

/** What the surroundings of one agreement know of it. */
interface Facts {
  readonly contributed: boolean
  readonly said: Said
  /** of what it said last */
  readonly ballot: number
  /** that have not ended */
  readonly exchanges: readonly Exchange[]
  /** outcomes in its store */
  readonly held: readonly string[]
  readonly suspects: readonly PeerId[]
  readonly decision: Decision | undefined
  /** what two peers that decide must have in common; the ballots may differ */
  readonly value: string | undefined
  /** a law that this peer alone has broken */
  readonly fault: string | undefined
}

/** One peer with its surroundings. Equal states are the same object. */
export interface PeerState extends Facts {
  readonly id: number
  /** index of the member */
  readonly self: number
}

interface Node extends PeerState {
  /** how it came to be */
  readonly parent: Node | undefined
  readonly input: Input | undefined
  readonly snapshot: number
  /** where inputs lead, by their text or by the number of what is heard */
  readonly next: Map<string | number, Node>
  /** the answers of `heard`, by the number of what was said */
  readonly heard: Map<number, readonly PeerState[]>
  /** another way to this state */
  detour?: { readonly parent: Node; readonly input: Input }
  moves?: readonly Node[]
  disturbed?: readonly Node[]
  /** an agreement in this state, until it is moved on */
  live: Live | undefined
}

type Effect = { readonly send: AgreementMessage } | { readonly exchange: Exchange } | { readonly decide: Decision }

interface Live {
  readonly subject: Subject
  readonly effects: Effect[]
  readonly suspects: Set<PeerId>
}

/**
 * The states that single peers of a case can be in, made as they are reached by driving real agreements. A peer sees
 * nothing of the others but what they say, so each step of one peer is made once and looked up ever after, in however
 * many states of the whole it occurs. States are told apart by the agreement's own snapshot: see `hidden`.
 */
export class PeerStates {
  readonly case: Case
  readonly members: readonly PeerId[]
  readonly #sayings = new Sayings()
  readonly #snapshots = new Map<string, number>()
  readonly #nodes = new Map<string, Node>()
  readonly #byId: Node[] = []
  readonly #announced: ReadonlySet<string>

  constructor(given: Case) {
    this.case = given
    this.members = membersOf(given)
    const manifests = this.members.flatMap((_, self) => manifestsOf(given, self))
    this.#announced = new Set(manifests.map((manifest) => JSON.stringify(manifest)))
  }

  get size(): number {
    return this.#byId.length
  }

  state(id: number): PeerState {
    return this.#byId[id]
  }

  /** Every peer as its round begins. */
  initial(): PeerState[] {
    const states = this.members.map((_, self) => this.#root(self))
    if (!this.case.gathered) return states
    const manifests = states.map((state) => this.step(state, this.contribution(state)).said.sayings)
    return states.map((state) =>
      manifests.flat().reduce((at, saying) => this.hear(at, saying), this.step(state, this.contribution(state)))
    )
  }

  // --- steps; they lead to the same object when nothing changed

  step(state: PeerState, input: Input): PeerState {
    const node = state as Node
    let next = node.next.get(input.text)
    if (next === undefined) node.next.set(input.text, (next = this.#step(node, input)))
    return next
  }

  hear(state: PeerState, saying: Saying): PeerState {
    if (saying.from === state.self) return state
    const node = state as Node
    let next = node.next.get(saying.id)
    if (next === undefined) {
      next = this.#step(node, inputs.hear(this.members, saying))
      node.next.set(saying.id, next)
    }
    return next
  }

  /** Where a peer may get by hearing one thing of these that is no accept. */
  heard(state: PeerState, said: Said): readonly PeerState[] {
    const node = state as Node
    let reached = node.heard.get(said.id)
    if (reached === undefined) {
      const all = new Set(
        said.sayings.flatMap((saying) => (saying.body.kind === 'accept' ? [] : this.hear(node, saying)))
      )
      all.delete(node)
      node.heard.set(said.id, (reached = [...all]))
    }
    return reached
  }

  /** Where a peer may get without hearing anything and without a disturbance. */
  moved(state: PeerState): readonly PeerState[] {
    const node = state as Node
    return (node.moves ??= this.#reached(node, this.moves(node)))
  }

  /** Where one disturbance may bring a peer. */
  disturbed(state: PeerState): readonly PeerState[] {
    const node = state as Node
    return (node.disturbed ??= this.#reached(node, this.disturbances(node)))
  }

  /** How one state became another in one step, when the others had said this. */
  describe(from: PeerState, to: PeerState, others: readonly Said[]): string {
    const said = new Set(others.flatMap(({ sayings }) => sayings.map(({ id }) => id)))
    const steps = [...(from as Node).next].filter(
      ([key, next]) => next === to && (typeof key === 'string' || said.has(key))
    )
    const texts = steps.map(([key]) => (typeof key === 'string' ? key : this.#hearing(key).text))
    return `${this.members[from.self]} ${texts[0] ?? 'makes no step to what it is in now'}`
  }

  // --- what may happen

  contribution({ self }: PeerState): Input {
    return inputs.contribute(manifestsOf(this.case, self)[0])
  }

  /** Every way in which this exchange may end well. */
  completions(exchange: Exchange): Input[] {
    const { outcome, proposal } = exchange
    if (outcome !== null) return [inputs.complete(exchange, outcome)]
    const made = outcomeOf(proposal as Proposal)
    return (this.case.torn ? [made, `${made}*`] : [made]).map((digest) => inputs.complete(exchange, digest))
  }

  moves(state: PeerState): Input[] {
    if (state.decision !== undefined) return []
    return [
      ...(state.contributed ? [] : [this.contribution(state)]),
      ...state.exchanges.flatMap((exchange) => this.completions(exchange)),
      ...state.suspects.map(inputs.trust),
      ...(state.ballot > 0 ? [inputs.settle(state.ballot)] : [])
    ]
  }

  disturbances({ self, exchanges, suspects, decision }: PeerState): Input[] {
    if (decision !== undefined) return []
    const others = this.members.filter((_, index) => index !== self)
    const liar = this.members[this.members.length - 1]
    const all: Record<Disturbance, () => Input[]> = {
      timeout: () => [inputs.collected],
      stall: () => [inputs.stalled],
      hurry: () => [inputs.hurry],
      suspicion: () => others.filter((peer) => !suspects.includes(peer)).map(inputs.suspect),
      failure: () => exchanges.flatMap((exchange) => this.#failures(exchange, others)),
      lie: () => others.filter((peer) => peer === liar).map(inputs.distrust)
    }
    return (this.case.disturbances ?? []).flatMap((kind) => all[kind]())
  }

  /** An exchange may fail because of nobody, of one contributor, or of all of them. */
  #failures(exchange: Exchange, others: readonly PeerId[]): Input[] {
    const contributors = exchange.proposal?.contributions.map(({ peer }) => peer) ?? []
    const blamed = others.filter((peer) => contributors.includes(peer))
    const sets = [[], ...blamed.map((peer) => [peer]), ...(blamed.length > 1 ? [blamed] : [])]
    return sets.map((peers) => inputs.fail(exchange, peers))
  }

  // --- how states are made

  #reached(node: Node, all: readonly Input[]): readonly Node[] {
    const reached = new Set(all.map((input) => this.step(node, input) as Node))
    reached.delete(node)
    return [...reached]
  }

  #hearing(id: number): Input {
    const saying = this.#sayings.byId(id)
    return inputs.hear(this.members, saying)
  }

  #root(self: number): Node {
    const facts: Facts = {
      contributed: false,
      said: this.#sayings.said([]),
      ballot: -1,
      exchanges: [],
      held: [],
      suspects: [],
      decision: undefined,
      value: undefined,
      fault: undefined
    }
    return this.#intern(this.#live(self), self, facts)
  }

  #live(self: number): Live {
    const effects: Effect[] = []
    const suspects = new Set<PeerId>()
    const init: AgreementInit = {
      view: { number: 0, members: this.members },
      self: this.members[self],
      votes: true,
      remembers: () => true,
      next: () => ({
        members: this.members.filter((peer) => !suspects.has(peer)),
        retired: [],
        evidence: [],
        finish: false
      }),
      valid: ({ contributions }) =>
        new Set(contributions.map(({ peer }) => peer)).size === contributions.length &&
        contributions.every(({ peer }) => this.members.includes(peer)),
      plausible: () => true,
      nameOf,
      minimum: () => minimumOf(this.case),
      effects: {
        send: (message) => effects.push({ send: message }),
        attempt: (ballot, proposal) => effects.push({ exchange: { ballot, proposal, outcome: null } }),
        adopt: (ballot, { outcome }) => effects.push({ exchange: { ballot, proposal: null, outcome } }),
        // an exchange that was given up may end all the same, if it is quick
        abandon: () => {},
        opposed: () => {},
        divided: () => {},
        // it ends at any time
        pause: () => {},
        decide: (decision) => effects.push({ decide: decision })
      }
    }
    return { subject: this.case.make?.(init) ?? new RoundAgreement(init), effects, suspects }
  }

  #step(node: Node, input: Input): Node {
    const live = node.live ?? this.#replay(node)
    node.live = undefined
    live.effects.length = 0
    apply(input, live)
    return this.#intern(live, node.self, this.#facts(node, input, live), node, input)
  }

  #replay(node: Node, last?: Node['detour']): Live {
    const history: Input[] = []
    if (last !== undefined) history.push(last.input)
    for (let at = last?.parent ?? node; at.parent !== undefined; at = at.parent) history.push(at.input as Input)
    const live = this.#live(node.self)
    while (history.length > 0) apply(history.pop() as Input, live)
    live.effects.length = 0
    return live
  }

  #facts(node: Node, input: Input, { effects, suspects }: Live): Facts {
    let { ballot, decision, fault } = node
    const held = input.holds === undefined ? node.held : [...new Set([...node.held, input.holds])].sort()
    const exchanges = node.exchanges.filter((exchange) => exchange !== input.ends)
    const sayings = new Set(node.said.sayings)
    const say = (body: Saying['body']) => sayings.add(this.#sayings.saying(node.self, body))
    if (input.contributes) for (const manifest of manifestsOf(this.case, node.self)) say({ kind: 'manifest', manifest })
    for (const effect of effects) {
      if ('exchange' in effect) exchanges.push(effect.exchange)
      else if ('send' in effect) {
        const { send } = effect
        say(send)
        ballot = send.ballot
        if (send.kind === 'accept' && !held.includes(send.outcome)) fault ??= 'accepts what it does not hold'
      } else {
        if (decision !== undefined) fault ??= 'decides twice'
        decision = effect.decide
        say({ kind: 'decision', decision })
        if (!this.#allAnnounced(decision)) fault ??= 'decides on what nobody announced'
      }
    }
    const contributed = node.contributed || input.contributes === true
    const said = this.#sayings.said(sayings)
    const value = decision && JSON.stringify([decision.proposal, decision.outcome])
    return { contributed, said, ballot, exchanges, held, suspects: [...suspects].sort(), decision, value, fault }
  }

  #allAnnounced({ proposal: { contributions } }: Decision): boolean {
    const once = new Set(contributions.map(({ peer }) => peer)).size === contributions.length
    return once && contributions.every((given) => this.#announced.has(JSON.stringify(given)))
  }

  /** The state of these facts. A step that changes nothing leads back to its parent. */
  #intern(live: Live, self: number, facts: Facts, parent?: Node, input?: Input): Node {
    const snapshot = this.#snapshot(live)
    if (parent !== undefined && live.effects.length === 0 && snapshot === parent.snapshot) {
      parent.live = live
      parent.detour ??= { parent, input: input as Input }
      return parent
    }
    const { contributed, said, ballot, exchanges, held, suspects, decision, fault } = facts
    // a peer that has decided does nothing more in this round
    const open = decision === undefined ? [snapshot, contributed, ballot, exchanges, suspects] : []
    const key = JSON.stringify([self, said.id, held, decision ?? null, fault ?? null, ...open])
    let node = this.#nodes.get(key)
    if (node === undefined) {
      node = { ...facts, id: this.#byId.length, self, parent, input, snapshot, next: new Map(), heard: new Map(), live }
      this.#nodes.set(key, node)
      this.#byId.push(node)
    } else if (parent !== undefined) node.detour ??= { parent, input: input as Input }
    return node
  }

  #snapshot({ subject }: Live): number {
    const text = subject.snapshot()
    let number = this.#snapshots.get(text)
    if (number === undefined) this.#snapshots.set(text, (number = this.#snapshots.size))
    return number
  }

  /**
   * A difference that the snapshot does not tell: two ways to one state after which the same input does not do the same.
   * Looks at every so-manieth of the states that were reached in two ways; undefined when it finds none.
   */
  hidden(every: number): string | undefined {
    const twice = this.#byId.filter(({ detour, decision }) => detour !== undefined && decision === undefined)
    for (const [index, node] of twice.entries()) {
      if (index % every !== 0) continue
      const heard = this.#sayings.all().filter(({ from }) => from !== node.self)
      const hearings = heard.map(({ id }) => this.#hearing(id))
      for (const input of [...hearings, ...this.moves(node), ...this.disturbances(node)]) {
        const [straight, around] = [this.#replay(node), this.#replay(node, node.detour)].map((live) => {
          apply(input, live)
          return JSON.stringify([live.subject.snapshot(), live.effects])
        })
        if (straight !== around) return `${input.text}:\n${straight}\n${around}`
      }
    }
    return undefined
  }
}

function apply(input: Input, { subject, suspects }: Live): void {
  if (input.suspects !== undefined) suspects.add(input.suspects)
  if (input.trusts !== undefined) suspects.delete(input.trusts)
  input.run(subject)
}
