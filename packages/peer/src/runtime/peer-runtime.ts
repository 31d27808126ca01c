import {
  layoutLength,
  PeergradError,
  type Clock,
  type ControlMessage,
  type ControlRequest,
  type ControlAnswer,
  type Digest,
  type Engine,
  type GradientStore,
  type LearningRateSchedule,
  type Logger,
  type PeerId,
  type PluginReference,
  type RunManifest,
  type Strategy
} from '@peergrad/core'
import { deferred } from '../deferred.js'
import { Roster, SILENCE } from '../membership/roster.js'
import type { Swarm } from '../membership/swarm.js'
import { Catcher } from './catcher.js'
import { DataPlan } from './data-plan.js'
import { HashBook } from './hash-book.js'
import { Journal, type EventBody } from './journal.js'
import { Estimates } from './estimates.js'
import { Round, type RoundResult } from './round.js'
import { Model } from './model.js'
import { donate, takeState } from './state-sync.js'
import { VectorExchange, type VectorExchangeInit } from './vectors.js'

export interface PeerRuntimeInit {
  readonly swarm: Swarm
  readonly engine: Engine
  readonly store: GradientStore
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** how contributions are packed for the wire; as they are when left out */
  readonly codec?: VectorExchangeInit['codec']
  /** deals all training samples to n ranks; pure */
  readonly partition: (shards: number, epoch: number) => readonly Uint32Array[]
  readonly schedule: LearningRateSchedule
  readonly clock: Clock
  readonly logger: Logger
  /** what happens, as it happens, without its time and peer */
  readonly emit: (event: EventBody) => void
  /** rounds between two evaluations; 0: only the last */
  readonly evaluateEvery: number
  /** test samples of the evaluations in between */
  readonly evaluateSamples: number
  /** milliseconds to wait for the other peers before the first round, and for a majority after a loss */
  readonly patience: number
}

export interface PeerOutcome {
  /** 'stranded': no majority came back */
  readonly status: 'finished' | 'left' | 'stranded'
  /** why, when stranded */
  readonly error?: PeergradError
  readonly rank: number
  /** rounds that this peer saw decided */
  readonly rounds: number
  readonly steps: number
  readonly members: readonly PeerId[]
  readonly parametersHash: Digest
  /** the next round, and the store key of the model state that it would start from */
  readonly round: number
  readonly state: string
  readonly position: DataPlan['position']
  /** mean training loss of the last round */
  readonly trainingLoss: number | undefined
  /** milliseconds from the first round's start to the last one's end */
  readonly milliseconds: number
}

const HEARTBEAT = 1000
/** Milliseconds that a leaving peer gives the round in flight. */
const LEAVE = 1500

/**
 * The rounds of one peer, from the first view to the end: data position, model versions, and the way back for a peer
 * that fell behind or holds another model than the others.
 */
export class PeerRuntime {
  readonly #init: PeerRuntimeInit
  readonly #journal: Journal
  readonly #roster: Roster
  readonly #vectors: VectorExchange
  readonly #catcher: Catcher
  readonly #model: Model
  readonly #estimates: Estimates
  readonly #hashes = new HashBook()
  readonly #hurry = new AbortController()
  /** peers whose state turned out to be wrong */
  readonly #distrusted = new Set<PeerId>()
  #donor: PeerId | undefined
  #current: Round | undefined
  #plan: DataPlan | undefined
  #stranded: PeergradError | undefined
  /** false until a majority has the same model state as this peer */
  #confirmed = false
  #trainingLoss: number | undefined
  /** called when somebody publishes a hash or is lost */
  #changed = () => {}

  constructor(init: PeerRuntimeInit) {
    this.#init = init
    const { swarm, clock, store, engine, schedule, logger, emit, patience } = init
    this.#journal = new Journal(emit)
    this.#roster = new Roster({ swarm, clock, patience })
    this.#catcher = new Catcher(swarm, logger)
    this.#vectors = new VectorExchange({
      mesh: swarm.mesh,
      store,
      ...(init.codec && { codec: init.codec }),
      deadline: swarm.manifest.deadline,
      refuse: (peer, offence, reason) => {
        swarm.mesh.report(peer, offence)
        emit({ type: 'refused', other: peer, offence, reason })
      }
    })
    const { optimiser } = swarm.manifest
    this.#model = new Model({ store, engine, vectors: this.#vectors, optimiser, schedule })
    const [every, samples] = [init.evaluateEvery, init.evaluateSamples]
    this.#estimates = new Estimates({ engine, store, logger, emit, every, samples })
  }

  /**
   * Takes part until the run ends, or until `leave` aborts; an abort of `signal` gives up at once. Rejects with what
   * makes this peer unable to go on.
   */
  async run({ leave, signal }: { leave: AbortSignal; signal: AbortSignal }): Promise<PeerOutcome> {
    const { swarm, clock, patience } = this.#init
    const off = [
      swarm.on('message', ({ from, message }) => this.#onMessage(from, message)),
      swarm.mesh.on('ended', ({ error }) => this.#hurry.abort(error)),
      ...this.#followRoster()
    ]
    swarm.respond((from, request) => this.#respond(from, request))
    const onLeave = () => this.#onLeave()
    leave.addEventListener('abort', onLeave, { once: true })
    let cancelHeartbeat = () => {}
    const beat = () => {
      this.#heartbeat()
      cancelHeartbeat = clock.after(HEARTBEAT, beat)
    }
    try {
      const either = AbortSignal.any([signal, leave])
      const members = await swarm.gather({ deadline: patience, signal: either })
      if (members === undefined) await this.#takeState(either)
      else await this.#start(members)
      beat()
      const start = clock.now()
      const status = await this.#rounds(AbortSignal.any([signal, this.#hurry.signal]), leave)
      const milliseconds = clock.now() - start
      await this.#estimates.settled()
      if (status === 'finished') await this.#linger(signal)
      return this.#outcome(status, milliseconds)
    } finally {
      cancelHeartbeat()
      leave.removeEventListener('abort', onLeave)
      for (const remove of off) remove()
      this.#roster.close()
      this.#vectors.close()
    }
  }

  get #manifest(): RunManifest {
    return this.#init.swarm.manifest
  }

  get #self(): PeerId {
    return this.#init.swarm.mesh.self
  }

  // --- the model state that this peer starts from

  async #start(members: readonly PeerId[]): Promise<void> {
    await this.#model.initialise(this.#manifest.seed)
    this.#confirmed = true
    this.#plan = this.#newPlan({ epoch: 0, start: 0, changes: [{ round: 0, members: [...members] }] })
    this.#roster.enter({ number: 0, members })
  }

  /** Takes the state of the run that the others train. */
  async #takeState(signal: AbortSignal): Promise<void> {
    const { engine, swarm, clock, patience, logger, emit } = this.#init
    const { optimiser } = this.#manifest
    const start = clock.now()
    this.#current = undefined
    this.#confirmed = false
    if (this.#donor !== undefined) this.#distrusted.add(this.#donor)
    const { donor, donation } = await takeState({
      swarm,
      vectors: this.#vectors,
      clock,
      optimiser,
      length: layoutLength(engine.layout),
      parameters: engine.layout.parameters,
      prepare: () => this.#model.clear(),
      distrusted: this.#distrusted,
      patience,
      signal
    })
    this.#donor = donor
    this.#model.adopt(donation)
    this.#plan = this.#newPlan(donation.position)
    this.#roster.enter(donation.view)
    const seconds = (clock.now() - start) / 1000
    logger.info({ round: this.#model.round, donor, seconds }, 'took the state of the run')
    emit({ type: 'healed', round: this.#model.round })
  }

  #newPlan(position: DataPlan['position']): DataPlan {
    const { batch, seed } = this.#manifest
    const { partition, strategy } = this.#init
    return new DataPlan({ seed, batch, minibatches: strategy.minibatches, partition }, position)
  }

  // --- rounds

  async #rounds(signal: AbortSignal, leave: AbortSignal): Promise<PeerOutcome['status']> {
    for (;;) {
      if (leave.aborted && !this.#roster.isMember(this.#self)) return 'left'
      try {
        if (await this.#oneRound(signal, leave)) return 'finished'
      } catch (thrown) {
        if (this.#stranded !== undefined) return 'stranded'
        const error = PeergradError.from(thrown)
        if (leave.aborted && error.code === 'aborted') return 'left'
        if (error.code !== 'conflict') throw error
        // this peer fell too far behind, or holds another model
        await this.#takeState(AbortSignal.any([signal, leave]))
      }
    }
  }

  /** True when it was the last. */
  async #oneRound(signal: AbortSignal, leave: AbortSignal): Promise<boolean> {
    const { clock, store, engine, strategy, swarm, aggregator } = this.#init
    const plan = this.#plan as DataPlan
    const start = clock.now()
    const round = this.#model.round
    const { view } = this.#roster
    plan.advance(round, view.members)
    const current = new Round(
      {
        run: swarm.run,
        manifest: this.#manifest,
        self: this.#self,
        engine,
        store,
        strategy,
        aggregator,
        clock,
        vectors: this.#vectors,
        send: (message) => swarm.send(message),
        suspects: (peer) => this.#roster.suspects(peer),
        onPhase: (number, phase) => this.#journal.phase(number, phase)
      },
      {
        round,
        view,
        state: this.#model.key,
        minibatches: plan.minibatches(round, this.#self),
        next: () => ({ members: this.#roster.proposal(), finish: this.#isLast(round) })
      }
    )
    this.#current = current
    const running = current.run(current.member ? signal : AbortSignal.any([signal, leave]))
    this.#catcher.enter(current)
    const result = await running
    await this.#apply(current, result, start)
    return result.decision.proposal.finish
  }

  async #apply(current: Round, { decision, outcome, attempts }: RoundResult, start: number): Promise<void> {
    const { clock, swarm } = this.#init
    const { round } = current
    await current.measure('update', () => this.#model.update(outcome))
    const { hash } = this.#model
    this.#catcher.decided(round, decision)
    swarm.send({ kind: 'state', run: swarm.run, round, hash })
    const { contributions } = decision.proposal
    const samples = contributions.reduce((sum, contribution) => sum + contribution.samples, 0)
    const loss =
      contributions.reduce((sum, contribution) => sum + contribution.loss * contribution.samples, 0) / samples
    this.#trainingLoss = loss
    this.#journal.round({
      round,
      attempt: attempts - 1,
      view: this.#roster.view.number,
      contributors: contributions.map(({ peer }) => peer),
      samples,
      loss,
      seconds: (clock.now() - start) / 1000,
      phases: current.phases,
      links: swarm.mesh.links(),
      parametersHash: hash
    })
    await this.#estimates.afterRound(round, this.#model.key)
    // a run with a target waits for it, so that the same round ends it every time
    if (this.#manifest.targetAccuracy > 0) await this.#estimates.settled()
    this.#compare()
    this.#roster.next(decision.proposal.members)
    await this.#model.forget()
  }

  #isLast(round: number): boolean {
    const { epochs, rounds, targetAccuracy } = this.#manifest
    if (rounds > 0 && round + 1 >= rounds) return true
    if (targetAccuracy > 0 && this.#estimates.accuracy >= targetAccuracy) return true
    const plan = this.#plan as DataPlan
    return rounds === 0 && plan.epoch + 1 >= epochs && round + 1 >= plan.epochEnd
  }

  // --- membership and messages

  #followRoster(): (() => void)[] {
    const { emit } = this.#init
    return [
      this.#roster.on('view', ({ number, members }) => emit({ type: 'view', number, members })),
      this.#roster.on('suspect', ({ peer, reason }) => {
        emit({ type: 'suspected', other: peer, reason })
        this.#current?.suspect(peer)
        this.#changed()
      }),
      this.#roster.on('trust', ({ peer }) => this.#current?.trust(peer)),
      this.#roster.on('paused', ({ reason }) => emit({ type: 'paused', reason })),
      this.#roster.on('resumed', ({ reason }) => emit({ type: 'resumed', reason })),
      this.#roster.on('stranded', ({ error }) => {
        this.#stranded = error
        this.#hurry.abort(error)
      })
    ]
  }

  /** Tells the others and finishes the round in flight without this peer, but not for longer than LEAVE. */
  #onLeave(): void {
    const { swarm, clock } = this.#init
    this.#roster.leave()
    swarm.send({ kind: 'leave', run: swarm.run, round: this.#model.round })
    const alone = this.#roster.view.members.length < 2
    clock.after(alone ? 0 : LEAVE, () => this.#hurry.abort(new PeergradError('aborted', 'this peer leaves the run')))
  }

  /** Says that this peer is there, and again what it said last: gossip may lose a message. */
  #heartbeat(): void {
    const { swarm } = this.#init
    const { run } = swarm
    if (this.#confirmed) swarm.send({ kind: 'heartbeat', run, round: this.#model.round })
    if (this.#model.round > 0) swarm.send({ kind: 'state', run, round: this.#model.round - 1, hash: this.#model.hash })
    this.#current?.repeat()
  }

  #onMessage(from: PeerId, message: ControlMessage): void {
    this.#roster.heard(from)
    switch (message.kind) {
      case 'heartbeat':
        if (message.round + 1 >= this.#model.round) this.#roster.caughtUp(from)
        if (message.round > this.#model.round) this.#catcher.ask(from)
        return
      case 'leave':
        return this.#roster.leaves(from)
      case 'state':
        this.#hashes.record(from, message.round, message.hash, this.#model.round - 1)
        this.#compare()
        this.#changed()
        return
      default:
        if (this.#roster.isMember(from) || !this.#confirmed) this.#catcher.receive(from, message, this.#model.round)
    }
  }

  async #respond(from: PeerId, request: Exclude<ControlRequest, { kind: 'join' }>): Promise<ControlAnswer | undefined> {
    if (request.kind === 'decision' && request.round < this.#model.round) {
      return { kind: 'decided', decision: this.#catcher.decision(request.round) ?? null }
    }
    if (request.kind !== 'donate' || this.#plan === undefined || !this.#confirmed) return undefined
    if (!this.#init.swarm.isReady(from)) return undefined
    const { number, members } = this.#roster.view
    return donate(this.#vectors, this.#init.store, this.#manifest.optimiser, {
      round: this.#model.round,
      step: this.#model.step,
      view: { number, members: [...members] },
      position: this.#plan.position
    })
  }

  /** Holds the own hash of the last round against those of a majority. */
  #compare(): void {
    const { members } = this.#roster.view
    const verdict = this.#hashes.verdict(this.#model.round - 1, this.#model.hash, members)
    if (verdict === 'same') {
      this.#confirmed = true
      this.#donor = undefined
    } else if (verdict === 'differs') {
      this.#init.emit({ type: 'diverged', round: this.#model.round - 1 })
      this.#current?.overtaken()
    }
  }

  // --- end

  /** Stays for those that still fetch what the last round decided. */
  async #linger(signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    const last = this.#model.round - 1
    const waiting = () =>
      this.#roster.view.members.some(
        (peer) => peer !== this.#self && !this.#roster.suspects(peer) && !this.#hashes.has(peer, last)
      )
    let over = false
    const end = () => {
      over = true
      this.#changed()
    }
    const cancel = clock.after(SILENCE, end)
    signal.addEventListener('abort', end, { once: true })
    while (waiting() && !over && !signal.aborted) {
      const change = deferred<void>()
      this.#changed = change.resolve
      await change.promise
    }
    cancel()
  }

  #outcome(status: PeerOutcome['status'], milliseconds: number): PeerOutcome {
    return {
      status,
      ...(this.#stranded && { error: this.#stranded }),
      rank: this.#roster.view.members.indexOf(this.#self),
      rounds: this.#journal.rounds,
      steps: this.#model.step,
      members: this.#roster.view.members,
      parametersHash: this.#model.hash,
      round: this.#model.round,
      state: this.#model.key,
      position: (this.#plan as DataPlan).position,
      trainingLoss: this.#trainingLoss,
      milliseconds
    }
  }
}
