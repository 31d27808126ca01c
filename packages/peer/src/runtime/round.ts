import {
  layoutLength,
  PeergradError,
  random,
  seedOf,
  type ContributionManifest,
  type ControlMessage,
  type Clock,
  type Digest,
  type Engine,
  type GradientStore,
  type Minibatch,
  type PeerId,
  type Phase,
  type PhaseTimes,
  type PluginReference,
  type Proposal,
  type RunManifest,
  type Strategy,
  type View
} from '@peergrad/core'
import { checkAborted, deferred, orAborted } from '../deferred.js'
import { Attempt, type Contributed } from './attempt.js'
import { RoundAgreement, type AgreementMessage, type Decision } from './agreement.js'
import type { VectorExchange } from './vectors.js'

/** What outlives a round. */
export interface RoundServices {
  readonly run: string
  readonly manifest: RunManifest
  readonly self: PeerId
  readonly engine: Engine
  readonly store: GradientStore
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  readonly clock: Clock
  readonly vectors: VectorExchange
  readonly send: (message: ControlMessage) => void
  readonly suspects: (peer: PeerId) => boolean
  readonly onPhase: (round: number, phase: Phase) => void
}

export interface RoundInit {
  readonly round: number
  readonly view: View
  /** store key of the model state that the round starts from */
  readonly state: string
  readonly minibatches: readonly Minibatch[]
  readonly next: () => { members: PeerId[]; finish: boolean }
}

export interface RoundResult {
  readonly decision: Decision
  /** store key of the aggregated update */
  readonly outcome: string
  readonly attempts: number
}

type WithoutRound<T> = T extends unknown ? Omit<T, 'run' | 'round'> : never
type RoundMessage = AgreementMessage | WithoutRound<Extract<ControlMessage, { kind: 'manifest' | 'derived' }>>

/** Rounds after its own for which an outcome can be fetched. */
export const RETENTION = 2
/** Derived vectors of each member that are remembered. */
const DERIVED = 32
/** Tries to fetch an outcome that an earlier ballot may have decided, before the state is taken anew. */
const BLAMELESS = 20
/** Milliseconds before what nobody can be blamed for is done another way. */
const PAUSE = 200

/**
 * One round at one peer: runs the strategy, feeds the agreement, and ends with the decided update in the own store.
 * A peer outside the view only waits for the decision and fetches its outcome.
 */
export class Round {
  readonly services: RoundServices
  readonly init: RoundInit
  readonly phases: PhaseTimes = {}
  readonly #agreement: RoundAgreement
  readonly #decided = deferred<{ decision: Decision; holders: readonly PeerId[] }>()
  readonly #ended = new AbortController()
  readonly #derived = new Map<string, { digest: Digest; length: number }>()
  readonly #derivedWaiters = new Set<() => void>()
  /** keys in the own store of outcomes made or fetched here */
  readonly #outcomes = new Map<Digest, string>()
  /** what was said of this round: the manifest, and the messages of the newest ballot */
  #sent: (ControlMessage & { readonly ballot?: number })[] = []
  #blameless = 0
  readonly #timers: (() => void)[] = []
  #contribution: Promise<Contributed> | undefined
  #attempt: Attempt | undefined
  #attempts = 0
  /** settles with the attempt in hand */
  #exchange: Promise<void> = Promise.resolve()

  constructor(services: RoundServices, init: RoundInit) {
    this.services = services
    this.init = init
    this.#agreement = new RoundAgreement({
      view: init.view,
      self: services.self,
      next: init.next,
      valid: (proposal) => this.#valid(proposal),
      minimum: Math.min(services.manifest.minPeers, init.view.members.length),
      effects: {
        send: (message) => this.send(message),
        attempt: (ballot, proposal) => this.#onProposal(ballot, proposal),
        adopt: (ballot, outcome, holders) => void this.#adopt(ballot, outcome, holders),
        abandon: () => this.#abandon(),
        decide: (decision, holders) => this.#decided.resolve({ decision, holders })
      }
    })
  }

  get round(): number {
    return this.init.round
  }

  get member(): boolean {
    return this.init.view.members.includes(this.services.self)
  }

  get decided(): boolean {
    return this.#agreement.decided
  }

  /** The others are so far ahead that nobody has the decision of this round any more. `run` rejects with `conflict`. */
  overtaken(): void {
    this.#decided.reject(
      new PeergradError('conflict', `round ${this.round} is over and forgotten: the state must be taken anew`)
    )
  }

  /** Runs to the decision. Rejects when `signal` aborts or when the peer itself cannot go on. */
  async run(signal: AbortSignal): Promise<RoundResult> {
    const onAbort = () => this.#decided.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      checkAborted(signal)
      if (this.member) {
        this.#startTimers()
        for (const peer of this.init.view.members) if (this.services.suspects(peer)) this.#agreement.suspect(peer)
        this.#begin()
      }
      const { decision, holders } = await this.#decided.promise
      await this.#ownOutcome(decision)
      this.#abandon()
      const outcome =
        this.#outcomes.get(decision.outcome) ??
        (await this.measure('sync', () => this.#late(decision, holders, signal)))
      return { decision, outcome, attempts: this.#attempts }
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#ended.abort(new PeergradError('aborted', 'the round is over'))
      this.#abandon()
      for (const cancel of this.#timers) cancel()
    }
  }

  /** A message about this round. */
  receive(from: PeerId, message: ControlMessage): void {
    const { members } = this.init.view
    if (!members.includes(from) || (!this.member && message.kind !== 'commit')) return
    switch (message.kind) {
      case 'manifest': {
        const { round, digest, length, samples, loss } = message
        if (length !== layoutLength(this.services.engine.layout)) return
        return this.#agreement.manifest({ peer: from, round, digest, length, samples, loss })
      }
      case 'derived':
        if (this.#derived.size >= DERIVED * members.length) return
        this.#derived.set(derivedKey(message.ballot, message.label, from), {
          digest: message.digest,
          length: message.length
        })
        for (const wake of this.#derivedWaiters) wake()
        return
      case 'commit':
      case 'prepare':
      case 'promise':
      case 'propose':
      case 'accept':
      case 'failed':
        this.#agreement.receive(from, message)
    }
  }

  /** The decision of this round, as a peer tells it that was asked. */
  learn(from: PeerId, decision: Decision): void {
    this.#agreement.learn(from, decision)
  }

  suspect(peer: PeerId): void {
    this.#agreement.suspect(peer)
    for (const wake of this.#derivedWaiters) wake()
  }

  trust(peer: PeerId): void {
    this.#agreement.trust(peer)
  }

  /** Says again what was said of this round: gossip may lose a message, above all while a mesh forms. */
  repeat(): void {
    for (const message of this.#sent) this.services.send(message)
  }

  send(message: RoundMessage): void {
    const whole = { ...message, run: this.services.run, round: this.round } as ControlMessage & { ballot?: number }
    this.#sent = this.#sent.filter(({ ballot }) => ballot === undefined || ballot === whole.ballot)
    this.#sent.push(whole)
    this.services.send(whole)
  }

  async measure<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    this.services.onPhase(this.round, phase)
    const start = this.services.clock.now()
    try {
      return await work()
    } finally {
      this.phases[phase] = (this.phases[phase] ?? 0) + this.services.clock.now() - start
    }
  }

  key(name: string): string {
    return `round:${this.round}:${name}`
  }

  /** Random numbers of the round, the same on every peer. */
  get random() {
    return random(this.services.manifest.seed, 'round', this.round)
  }

  /** Stores and announces what this peer gives, once. */
  contribute(make: () => Promise<{ key: string; loss: number; samples: number }>): Promise<Contributed> {
    this.#contribution ??= (async () => {
      const { key, loss, samples } = await make()
      const { services, round } = this
      const verdict = await services.store.verify(key)
      if (verdict.firstNonFinite >= 0 || !Number.isFinite(loss)) {
        throw new PeergradError(
          'non-finite',
          `round ${round}: the own gradient is not finite (loss ${loss}); the training diverged: lower --lr`
        )
      }
      const offer = await services.vectors.offerPacked(key, round + 1)
      const { digest } = offer
      const length = layoutLength(services.engine.layout)
      const manifest: ContributionManifest = { peer: services.self, round, digest, length, samples, loss }
      if (!this.#ended.signal.aborted) this.send({ kind: 'manifest', digest, length, samples, loss })
      this.#agreement.manifest(manifest)
      return { key: offer.key, manifest }
    })()
    this.#contribution.catch(() => (this.#contribution = undefined))
    return this.#contribution
  }

  /** Errors name all who could not be read, so that one try without them is enough. */
  async fetch(manifests: readonly ContributionManifest[], signal: AbortSignal): Promise<string[]> {
    const reads = await Promise.allSettled(
      manifests.map(async (manifest) => {
        if (manifest.peer === this.services.self) return (await this.#ownContribution(manifest)).key
        const key = this.key(`from:${manifest.peer}:${manifest.digest}`)
        await this.#pull(manifest.digest, manifest.length, key, this.#askFirst(manifest.peer), signal)
        return key
      })
    )
    const failures = reads.flatMap((read) => (read.status === 'rejected' ? [PeergradError.from(read.reason)] : []))
    const fatal = failures.find(({ data }) => data.peers === undefined)
    if (fatal !== undefined) throw fatal
    const blamed = (name: 'peers' | 'liars') => failures.flatMap(({ data }) => (data[name] ?? []) as PeerId[])
    if (failures.length > 0) {
      const data = { peers: blamed('peers'), liars: blamed('liars') }
      throw new PeergradError('unreachable', failures.map(({ message }) => message).join('; '), data)
    }
    return reads.flatMap((read) => (read.status === 'fulfilled' ? [read.value] : []))
  }

  async aggregate(keys: readonly string[], manifests: readonly ContributionManifest[], to: string): Promise<void> {
    const { store, aggregator, engine, manifest } = this.services
    await store.aggregate({
      from: keys,
      to,
      rule: aggregator,
      samples: manifests.map(({ samples }) => samples),
      parameters: engine.layout.parameters,
      seed: seedOf(manifest.seed, 'aggregate', this.round)
    })
  }

  async publish(ballot: number, label: string, key: string): Promise<string> {
    const offer = await this.services.vectors.offerPacked(key, this.round + 1)
    const length = layoutLength(this.services.engine.layout)
    this.send({ kind: 'derived', ballot, label, digest: offer.digest, length })
    return offer.key
  }

  async receiveDerived(ballot: number, label: string, peer: PeerId, signal: AbortSignal): Promise<string> {
    const name = derivedKey(ballot, label, peer)
    while (!this.#derived.has(name)) {
      if (this.services.suspects(peer)) {
        throw new PeergradError('unreachable', `${peer} was lost before it published ${label}`, { peers: [peer] })
      }
      const woken = deferred<void>()
      this.#derivedWaiters.add(woken.resolve)
      try {
        await orAborted(woken.promise, signal)
      } finally {
        this.#derivedWaiters.delete(woken.resolve)
      }
    }
    const { digest, length } = this.#derived.get(name) as { digest: Digest; length: number }
    const key = this.key(`derived:${ballot}:${label}:${peer}`)
    await this.#pull(digest, length, key, [peer], signal)
    return key
  }

  /** Contributions of members to this round, each once and of the model's length. */
  #valid({ contributions, members }: Proposal): boolean {
    const { view } = this.init
    const length = layoutLength(this.services.engine.layout)
    const peers = contributions.map(({ peer }) => peer)
    return (
      new Set(peers).size === peers.length &&
      new Set(members).size === members.length &&
      contributions.every((given) => given.round === this.round && given.length === length) &&
      peers.every((peer) => view.members.includes(peer))
    )
  }

  /** The own contribution, which the agreed set may hold although this attempt did not make it. */
  async #ownContribution(manifest: ContributionManifest): Promise<Contributed> {
    if (this.#contribution === undefined) {
      throw new PeergradError('missing', `round ${this.round}: ${manifest.digest} is not this peer's contribution`)
    }
    return this.#contribution
  }

  async #pull(
    digest: Digest,
    length: number,
    key: string,
    from: readonly PeerId[],
    signal: AbortSignal
  ): Promise<void> {
    const expected = layoutLength(this.services.engine.layout)
    if (length !== expected) {
      const peers = from.slice(0, 1)
      throw new PeergradError('shape', `got a vector of ${length} floats, expected ${expected}`, {
        peers,
        liars: peers
      })
    }
    const pull = { digest, length, key, from, signal: this.#ended.signal }
    await orAborted(this.services.vectors.pullPacked(pull, this.round + 1), signal)
  }

  /** The peer itself, then the others: content is named by its digest, so any holder will do. */
  #askFirst(...first: PeerId[]): PeerId[] {
    const others = this.init.view.members.filter((peer) => !first.includes(peer) && !this.services.suspects(peer))
    return [...first, ...others]
  }

  #startTimers(): void {
    const { clock, manifest } = this.services
    this.#timers.push(clock.after(manifest.deadline, () => this.#agreement.collected()))
    const patience = manifest.deadline + Math.max(2000, manifest.deadline / 2)
    const watch = () => {
      this.#timers.push(
        clock.after(patience, () => {
          this.#agreement.stalled()
          if (!this.#agreement.decided) watch()
        })
      )
    }
    watch()
  }

  #begin(proposed?: { ballot: number; proposal: Proposal }): void {
    const attempt = new Attempt(this, this.#attempts++, proposed)
    this.#attempt = attempt
    this.#exchange = attempt
      .run()
      .then(async ({ ballot, key }) => {
        const digest = await this.services.vectors.offer(key, this.round + RETENTION)
        this.#outcomes.set(digest, key)
        this.#agreement.completed(ballot, digest)
      })
      .catch((thrown: unknown) => {
        if (!attempt.aborted) this.#onFailure(attempt.ballot, PeergradError.from(thrown))
      })
  }

  /** Goes on without the peers that the error names, asks again where nobody is to blame, and gives up else. */
  #onFailure(ballot: number | undefined, error: PeergradError): void {
    const { peers, liars } = error.data as { peers?: PeerId[]; liars?: PeerId[] }
    for (const peer of liars ?? []) this.#agreement.distrust(peer)
    if (ballot === undefined || peers === undefined) return this.#decided.reject(error)
    if (peers.length > 0) return this.#agreement.failed(ballot, peers)
    if (++this.#blameless > BLAMELESS) return this.overtaken()
    this.#timers.push(this.services.clock.after(PAUSE, () => this.#agreement.failed(ballot, [])))
  }

  #onProposal(ballot: number, proposal: Proposal): void {
    if (this.#attempt !== undefined && !this.#attempt.aborted && this.#attempt.offer(ballot, proposal)) return
    this.#abandon()
    this.#begin({ ballot, proposal })
  }

  async #adopt(ballot: number, outcome: Digest, holders: readonly PeerId[]): Promise<void> {
    try {
      if (!this.#outcomes.has(outcome)) await this.#fetchOutcome(outcome, holders, this.#ended.signal)
      this.#agreement.completed(ballot, outcome)
    } catch (thrown) {
      if (this.#ended.signal.aborted) return
      const { message, data } = PeergradError.from(thrown)
      this.#onFailure(ballot, new PeergradError('unreachable', message, { peers: [], liars: data.liars }))
    }
  }

  /** The others may decide while this peer ends the same exchange: a moment's wait saves a whole vector. */
  async #ownOutcome({ ballot, outcome }: Decision): Promise<void> {
    const attempt = this.#attempt
    if (this.#outcomes.has(outcome) || attempt?.bound !== true || attempt.aborted || attempt.ballot !== ballot) return
    const late = deferred<void>()
    this.#timers.push(this.services.clock.after(PAUSE, late.resolve))
    await Promise.race([this.#exchange, late.promise])
  }

  /** The outcome of a decision that was made without this peer. Error `conflict`: nobody has it any more. */
  async #late({ outcome }: Decision, holders: readonly PeerId[], signal: AbortSignal): Promise<string> {
    try {
      return await this.#fetchOutcome(outcome, holders, signal)
    } catch (cause) {
      checkAborted(signal)
      throw new PeergradError('conflict', `round ${this.round}: nobody has its outcome any more`, {}, { cause })
    }
  }

  async #fetchOutcome(outcome: Digest, holders: readonly PeerId[], signal: AbortSignal): Promise<string> {
    const { vectors, engine } = this.services
    const key = this.key(`outcome:${outcome}`)
    const from = this.#askFirst(...holders)
    await vectors.pull({ digest: outcome, length: layoutLength(engine.layout), key, from, signal })
    await vectors.offer(key, this.round + RETENTION, outcome)
    this.#outcomes.set(outcome, key)
    return key
  }

  /** Gives up the attempt in hand, unless it still computes its contribution: the next one needs that. */
  #abandon(): void {
    if (this.#attempt?.bound || this.#ended.signal.aborted) this.#attempt?.abort()
  }
}

function derivedKey(ballot: number, label: string, peer: PeerId): string {
  return `${ballot}/${label}/${peer}`
}
