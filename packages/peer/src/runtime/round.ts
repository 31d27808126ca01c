import {
  canonical,
  layoutLength,
  PeergradError,
  type ContributionManifest,
  type ControlMessage,
  type Digest,
  type Offence,
  type PeerId,
  type PhaseTimes,
  type Proposal
} from '@peergrad/core'
import { checkAborted, deferred, onAbort, orAborted } from '../deferred.js'
import { RoundAgreement } from './agreement/agreement.js'
import type { AgreementMessage, Decision } from './agreement/contract.js'
import { EarlyPromises } from './agreement/early-promises.js'
import { AcceptProofs, type Value } from './accept-proofs.js'
import { Attempt } from './attempt.js'
import type { Announcement } from './derived.js'
import { divided } from './divided.js'
import { Exchange, RETENTION } from './exchange.js'
import type { Exclusions } from './exclusions.js'
import { Manifests, samplesOf } from './manifests.js'
import type { OwnContribution } from './own-contribution.js'
import { isOwnFault } from './own-fault.js'
import { RingOrder } from './ring-order.js'
import type { ExchangeInit, ExchangeMessage, RoundServices } from './round-services.js'
import { Said } from './said.js'
import { Unpublished } from './unpublished.js'
import { proposalName } from './proposal-name.js'
import { isValidProposal } from './valid-proposal.js'

export interface RoundInit extends ExchangeInit {
  /** members of the next view and the end of the run, as this peer would propose them */
  readonly next: () => Omit<Proposal, 'contributions'>
  /** whether this peer would propose the same, by what it knows now of who is here */
  readonly plausible: (proposal: Proposal) => boolean
  /** whether the run ends with this round; undefined where the accuracy that is aimed at says so */
  readonly last: boolean | undefined
  /** contributions without which nothing is proposed */
  readonly minimum: () => number
  /** too many others would not propose what this peer did */
  readonly opposed: () => void
  /** false for a peer that only follows: one outside the view, or one that may not vote in this round */
  readonly votes: boolean
  /** whether it knows what it accepted in this round: not for a while after it came back to it, or took its state anew */
  readonly remembers: () => boolean
  /** a member said that it is in a later round */
  readonly behind: () => boolean
  /** nobody of the view is suspected */
  readonly whole: () => boolean
  /** since this peer has the state, for what it signs */
  readonly life: number
  /** number of the first attempt: those before were made from another state, and may still write under their keys */
  readonly attempt: number
  readonly exclusions: Pick<Exclusions, 'has' | 'convinces' | 'found'>
  /** a peer said what no honest one says */
  readonly refuse: (peer: PeerId, offence: Offence, reason: string) => void
}

/** What a round ends with, in the own store. */
export interface Outcome {
  readonly key: string
  readonly digest: Digest
  /** false: every peer has another one, or the state that it had, and the digest only names the round */
  readonly shared: boolean
}

export interface RoundResult {
  readonly decision: Decision
  readonly outcome: Outcome
  readonly attempts: number
}

/** Tries to fetch an outcome that an earlier ballot may have decided, before the state of those that are ahead is taken. */
const BLAMELESS = 20
/** Milliseconds that what one member knows has to come to all, at the least: those that leave stay for 600 after they hurried the others. */
const HEARD = 300
/** Round trips of the slowest link in which a promise is heard of who was told of the ballot by another one. */
const TRIPS = 2
/** Milliseconds in which what this peer said last is said again, twice. */
const PARTING = 2500
/** Milliseconds before what nobody can be blamed for is done another way. */
const PAUSE = 200

/**
 * One round at one peer: runs the strategy, feeds the agreement, and ends with the decided update in the own store.
 * A peer outside the view only waits for the decision and fetches its outcome.
 */
export class Round {
  readonly services: RoundServices
  readonly init: RoundInit
  readonly #exchange: Exchange
  readonly #agreement: RoundAgreement
  readonly #members: ReadonlySet<PeerId>
  readonly #decided = deferred<{ decision: Decision; holders: readonly PeerId[] }>()
  readonly #ended = new AbortController()
  readonly #manifests: Manifests
  readonly #ring: RingOrder
  readonly #said: Said
  readonly #proofs: AcceptProofs
  readonly #early = new EarlyPromises()
  /** keys in the own store of outcomes made or fetched here */
  readonly #outcomes = new Map<Digest, string>()
  #blameless = 0
  readonly #timers: (() => void)[] = []
  #attempt: Attempt | undefined
  #attempts = 0
  /** lasts from the own accept to the decision, or to the ballot that overtakes it */
  #agreeing = deferred<void>()
  /** settles with the attempt in hand */
  #attempting: Promise<void> = Promise.resolve()

  constructor(services: RoundServices, init: RoundInit) {
    this.services = services
    this.init = init
    this.#members = new Set(init.view.members)
    this.#ring = new RingOrder(init.view.members)
    this.#said = new Said(services)
    this.#proofs = new AcceptProofs(services, init.round, this.#members)
    this.#manifests = new Manifests({
      length: layoutLength(services.engine.layout),
      samples: samplesOf(services),
      refuse: init.refuse,
      onContradiction: (evidence) => init.exclusions.found(evidence)
    })
    this.#agreement = new RoundAgreement({
      view: init.view,
      self: services.self,
      votes: init.votes,
      remembers: init.remembers,
      next: (contributions) => ({ ...init.next(), ...this.#ring.of(contributions) }),
      valid: (proposal) =>
        isValidProposal(proposal, {
          round: init.round,
          members: this.#members,
          fits: (contribution) => this.#manifests.fits(contribution),
          last: init.last,
          retires: services.strategy.retire !== undefined,
          convinces: (evidence) => init.exclusions.convinces(evidence)
        }),
      plausible: init.plausible,
      nameOf: (proposal) => this.#nameOf(proposal),
      minimum: init.minimum,
      effects: {
        send: (message) => this.#send(message),
        attempt: (ballot, proposal) => this.#onProposal(ballot, proposal),
        adopt: (ballot, adopted, holders) => void this.#adopt(ballot, adopted, holders),
        opposed: init.opposed,
        divided: (outcomes) => {
          const error = divided(services, init.round, outcomes, init.view.members.length)
          // the others are to hear what this peer accepted, and come to the same
          this.#timers.push(services.clock.after(PARTING, () => this.give(error)))
        },
        abandon: () => {
          this.#abandon()
          queueMicrotask(() => this.#hearEarly())
        },
        pause: (ballot) => {
          this.#timers.push(services.clock.after(this.#moment, () => this.#agreement.settle(ballot)))
        },
        decide: (decision, holders) => {
          this.#agreeing.resolve()
          this.#decided.resolve({ decision, holders })
        }
      }
    })
    this.#exchange = new Exchange(services, init, {
      send: (message) => this.#send(message),
      contributed: (manifest, links) => this.#onManifest(manifest, links),
      announced: (peer, packed) => this.#manifests.said(peer, packed),
      ended: this.#ended.signal
    })
  }

  get round(): number {
    return this.init.round
  }

  /** Number of the next attempt. */
  get attempt(): number {
    return this.init.attempt + this.#attempts
  }

  /** milliseconds in each phase so far */
  get phases(): PhaseTimes {
    return this.#exchange.phases
  }

  /** What this peer gives. */
  get own(): Pick<OwnContribution, 'packed' | 'isAmong'> {
    return this.#exchange.own
  }

  get decided(): boolean {
    return this.#agreement.decided
  }

  /** The others are so far ahead that nobody has the decision of this round any more. `run` rejects with `conflict`. */
  overtaken(): void {
    this.give(new PeergradError('conflict', `round ${this.round} is over and forgotten: the state must be taken anew`))
  }

  /** Ends the round here, undecided: `run` rejects with this error. */
  give(error: PeergradError): void {
    this.#decided.reject(error)
  }

  /** Runs to the decision. Rejects when `signal` aborts or when the peer itself cannot go on. */
  async run(signal: AbortSignal): Promise<RoundResult> {
    const forget = onAbort(signal, () => this.#decided.reject(signal.reason))
    try {
      checkAborted(signal)
      if (this.init.votes) {
        this.#startTimers()
        for (const peer of this.init.view.members) {
          if (this.services.lost(peer)) this.#agreement.lose(peer)
          if (this.init.exclusions.has(peer)) this.#agreement.exclude(peer)
        }
        this.#begin()
      }
      const { decision, holders } = await this.#decided.promise
      await this.#ownOutcome(decision, signal)
      this.#abandon()
      const shared = this.#private(decision.proposal) === undefined
      const made = this.#outcomes.get(decision.outcome) ?? (shared ? undefined : this.init.state)
      const key = made ?? (await this.measure('sync', () => this.#late(decision, holders, signal)))
      return { decision, outcome: { key, digest: decision.outcome, shared }, attempts: this.#attempts }
    } finally {
      forget()
      this.#ended.abort(new PeergradError('aborted', 'the round is over'))
      this.#abandon()
      this.#said.stop()
      for (const cancel of this.#timers) cancel()
    }
  }

  /** A message about this round, and the bytes in which it came: signed, but for `derived`. */
  receive(from: PeerId, message: ControlMessage, envelope: Uint8Array): void {
    if (!this.#members.has(from) || (!this.init.votes && message.kind !== 'accept')) return
    // one that was given up says nothing more: its state may be gone
    if (this.#ended.signal.aborted && !this.decided) return
    switch (message.kind) {
      case 'manifest':
        return this.#onManifest(this.#manifests.receive(from, message, envelope), message.links)
      case 'derived':
        return this.#exchange.derived.announced(from, message)
      case 'failed':
        this.#exchange.derived.failed(from, message.ballot, message.peers)
        return this.#agreement.receive(from, message)
      case 'accept':
        if (!this.decided) this.#proofs.note(from, message, envelope)
        return this.#agreement.receive(from, message)
      case 'promise':
        if (message.ballot > this.#agreement.ballot) this.#early.add(from, message)
        return this.#agreement.receive(from, message)
      case 'prepare':
      case 'propose':
        this.#agreement.receive(from, message)
    }
  }

  /** Promises for the ballot that this peer has come to. */
  #hearEarly(): void {
    if (this.#ended.signal.aborted) return
    for (const [peer, promise] of this.#early.take(this.#agreement.ballot)) this.#agreement.receive(peer, promise)
  }

  /** What this peer has published in the exchange of a ballot, for a member that may not have heard of it. */
  published(ballot: number, labels: readonly string[]): Omit<Announcement, 'ballot'>[] {
    return this.#exchange.derived.published(ballot, labels)
  }

  /** The decision of this round, as a peer tells it that was asked, with accepts as they were signed. */
  learn(from: PeerId, decision: Decision, accepts: readonly Uint8Array[]): void {
    this.#agreement.learn(decision, this.#proofs.told(from, this.#valueOf(decision), accepts))
  }

  /** Signed accepts of a decision, for whoever asks. */
  acceptsOf(decision: Decision): Uint8Array[] {
    return this.#proofs.of(this.#valueOf(decision))
  }

  /** The members agree that a peer is gone. */
  lose(peer: PeerId): void {
    this.#exchange.lose(peer)
    if (this.init.votes) this.#agreement.lose(peer)
  }

  /** The peer is proved to lie. */
  exclude(peer: PeerId): void {
    this.#agreement.exclude(peer)
  }

  regain(peer: PeerId): void {
    this.#agreement.regain(peer)
  }

  /** Members are about to go. */
  hurry(): void {
    if (!this.init.votes || this.init.minimum() > 0) return
    this.#agreement.hurry()
  }

  /** Somebody may be here that a proposal waited for. */
  retry(): void {
    if (this.init.votes) this.#agreement.retry()
  }

  measure: Exchange['measure'] = (phase, work) => this.#exchange.measure(phase, work)

  #onManifest(manifest: ContributionManifest | undefined, links: Uint8Array | undefined): void {
    if (manifest === undefined) return
    this.#ring.note(manifest.peer, links)
    this.#exchange.turnout.note(manifest.peer)
    this.#agreement.manifest(manifest)
  }

  #send(message: AgreementMessage | ExchangeMessage): void {
    if (message.kind === 'accept') void this.measure('agree', () => this.#agreeing.promise)
    const signed = message.kind === 'manifest' ? { ...message, life: this.init.life } : message
    this.#said.say({ ...signed, run: this.services.run, round: this.round } as ControlMessage)
  }

  #startTimers(): void {
    const { clock, manifest } = this.services
    this.#timers.push(clock.after(manifest.deadline, () => this.#agreement.collected()))
    const patience = manifest.deadline + manifest.grace
    const { derived } = this.#exchange
    const { name } = this.services.strategy
    const { whole } = this.init
    const unpublished = new Unpublished({ name, round: this.round, missing: () => derived.missing, whole })
    const watch = () => {
      this.#timers.push(
        clock.after(patience, () => {
          const never = unpublished.stalled(patience)
          if (never !== undefined) return this.give(never)
          this.#agreement.stalled()
          if (!this.#agreement.decided) watch()
        })
      )
    }
    watch()
    this.#said.repeat()
  }

  #begin(proposed?: { ballot: number; proposal: Proposal }): void {
    const attempt = new Attempt(this.#exchange, this.attempt, proposed)
    this.#attempts += 1
    this.#attempt = attempt
    this.#attempting = attempt
      .run()
      .then(async ({ ballot, proposal, key }) => {
        const digest = this.#private(proposal) ?? (await this.services.vectors.offer(key, this.round + RETENTION))
        this.#outcomes.set(digest, key)
        this.#agreement.completed(ballot, digest)
      })
      .catch((thrown: unknown) => {
        const error = PeergradError.from(thrown)
        // a part of this peer that crashed crashes in the next attempt too
        if (error.code === 'crashed') return this.give(error)
        if (!attempt.aborted) this.#onFailure(attempt.ballot, error)
      })
  }

  /** Goes on without the peers that the error names, asks again where nobody is to blame, and gives up else. */
  #onFailure(ballot: number | undefined, error: PeergradError): void {
    const { peers, liars } = error.data as { peers?: PeerId[]; liars?: PeerId[] }
    for (const peer of liars ?? []) this.#agreement.distrust(peer)
    if (ballot === undefined || peers === undefined) return this.#decided.reject(error)
    if (peers.length > 0) return this.#agreement.failed(ballot, peers)
    if (++this.#blameless > BLAMELESS && this.init.behind()) return this.overtaken()
    this.#timers.push(this.services.clock.after(PAUSE, () => this.#agreement.failed(ballot, [])))
  }

  #onProposal(ballot: number, proposal: Proposal): void {
    if (proposal.contributions.length === 0) return this.#agreement.completed(ballot, this.#roundName(proposal))
    if (this.#attempt !== undefined && !this.#attempt.aborted && this.#attempt.offer(ballot, proposal)) return
    this.#abandon()
    this.#begin({ ballot, proposal })
  }

  async #adopt(
    ballot: number,
    { proposal, outcome }: Pick<Decision, 'proposal' | 'outcome'>,
    holders: readonly PeerId[]
  ): Promise<void> {
    try {
      const made = this.#outcomes.has(outcome) || this.#private(proposal) !== undefined
      if (!made) await this.#fetch(outcome, holders, this.#ended.signal)
      this.#agreement.completed(ballot, outcome)
    } catch (thrown) {
      if (this.#ended.signal.aborted) return
      const error = PeergradError.from(thrown)
      if (isOwnFault(error)) return this.give(error)
      const { message, data } = error
      this.#onFailure(ballot, new PeergradError('unreachable', message, { peers: [], liars: data.liars }))
    }
  }

  /**
   * The others may decide while this peer ends the same exchange: a moment's wait saves a whole vector. A model of its own
   * nobody else can give it: that is waited for, and made now if need be, or this peer's part in the round would be lost.
   */
  async #ownOutcome({ ballot, proposal, outcome }: Decision, signal: AbortSignal): Promise<void> {
    const { self, clock, manifest } = this.services
    if (this.#outcomes.has(outcome)) return
    const attempt = this.#attempt
    const makes = attempt?.bound === true && !attempt.aborted && attempt.ballot === ballot
    const gave = this.init.votes && proposal.contributions.some(({ peer }) => peer === self)
    const alone = gave && this.#private(proposal) !== undefined
    if (!makes && !alone) return
    if (!makes) this.#onProposal(ballot, proposal)
    const late = deferred<void>()
    this.#timers.push(clock.after(alone ? manifest.deadline : PAUSE, late.resolve))
    await orAborted(Promise.race([this.#attempting, late.promise]), signal)
  }

  /**
   * What a round is called in which every peer goes on with a model of its own, or all with the one that they have;
   * undefined when the outcome is of all.
   */
  #private(proposal: Proposal): Digest | undefined {
    const { contributions, finish } = proposal
    const ownModels = this.services.strategy.ownModels === true && !finish
    return ownModels || contributions.length === 0 ? this.#roundName(proposal) : undefined
  }

  #roundName({ contributions }: Proposal): Digest {
    return this.services.sha256(canonical({ round: this.round, contributions }))
  }

  /** The outcome of a decision that was made without this peer. Error `conflict`: nobody has it any more. */
  async #late({ outcome }: Decision, holders: readonly PeerId[], signal: AbortSignal): Promise<string> {
    try {
      return await this.#fetch(outcome, holders, signal)
    } catch (cause) {
      checkAborted(signal)
      const error = PeergradError.from(cause)
      if (isOwnFault(error)) throw error
      throw new PeergradError('conflict', `round ${this.round}: nobody has its outcome any more`, {}, { cause })
    }
  }

  async #fetch(outcome: Digest, holders: readonly PeerId[], signal: AbortSignal): Promise<string> {
    const key = await this.#exchange.fetchOutcome(outcome, holders, signal)
    this.#outcomes.set(outcome, key)
    return key
  }

  /** How long what one member knows may take to all, milliseconds. */
  get #moment(): number {
    const { links, manifest } = this.services
    const slowest = Math.max(0, ...links().map(({ roundTripMilliseconds = 0 }) => roundTripMilliseconds))
    return Math.max(HEARD, Math.min(TRIPS * slowest, manifest.grace))
  }

  #nameOf(proposal: Proposal): Digest {
    return proposalName(proposal, this.services.sha256)
  }

  #valueOf({ ballot, proposal, outcome }: Decision): Value {
    return { ballot, proposal: this.#nameOf(proposal), outcome }
  }

  /** Gives up the attempt in hand, unless it still computes its contribution: the next one needs that. */
  #abandon(): void {
    this.#agreeing.resolve()
    this.#agreeing = deferred()
    if (this.#attempt?.bound || this.#ended.signal.aborted) this.#attempt?.abort()
  }
}
