import {
  layoutLength,
  learningRateAt,
  PeergradError,
  type Beat,
  type CheckpointPosition,
  type Clock,
  type ControlMessage,
  type ControlRequest,
  type ControlAnswer,
  type Digest,
  type Engine,
  type GradientStore,
  type LearningRateSchedule,
  type Logger,
  type OptimiserSpec,
  type PeerId,
  type PluginReference,
  type Proposal,
  type RoundRecord,
  type RunManifest,
  type Strategy,
  type View
} from '@peergrad/core'
import type { Checkpoints } from '../checkpoint/checkpoints.js'
import type { ExtraVector } from '../checkpoint/checkpoints.js'
import type { ResumedState } from '../checkpoint/load.js'
import { deferred } from '../deferred.js'
import { Roster } from '../membership/roster.js'
import type { Founding, Swarm } from '../membership/swarm.js'
import { Catcher } from './catcher.js'
import { Estimates } from './estimates.js'
import { Followers } from './followers.js'
import { Journal, type EventBody } from './journal.js'
import { Model } from './model.js'
import { OwnVectors } from './own-vectors.js'
import { Pulse } from './pulse.js'
import { Round, type RoundResult } from './round.js'
import { Standing, type Here } from './standing.js'
import { StateBook } from './state-book.js'
import { donate, takeState } from './state-sync.js'
import { VectorExchange, type Packing } from './vectors.js'

export interface PeerRuntimeInit {
  readonly swarm: Swarm
  readonly engine: Engine
  readonly store: GradientStore
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** what contributions go through before it, in order */
  readonly preAggregators?: readonly PluginReference[]
  /** what of a contribution is worth sending; all of it when left out */
  readonly filter?: PluginReference
  /** how vectors are packed for the wire; as they are when left out */
  readonly codec?: Packing['codec']
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
  /** milliseconds to wait for the other peers before the first round, and for enough of them after a loss */
  readonly patience: number
  /** takes the states in between; none when left out */
  readonly checkpoints?: Checkpoints
  /** the checkpoint that this peer comes back with; its vectors are in the store */
  readonly resume?: ResumedState
}

/** How a peer is ended. */
export interface PeerSignals {
  /** tells the others, and takes part for a moment more */
  readonly leave: AbortSignal
  /** all peers of the run stop: ends where this one is, and its place in the view stays */
  readonly stop: AbortSignal
  /** gives up at once */
  readonly signal: AbortSignal
}

export interface PeerOutcome {
  /** 'stranded': the run cannot go on with those that are here */
  readonly status: 'finished' | 'left' | 'stranded'
  /** why, when stranded */
  readonly error?: PeergradError
  readonly rank: number
  /** rounds that this peer saw decided */
  readonly rounds: number
  readonly members: readonly PeerId[]
  readonly parametersHash: Digest
  /** where the run goes on from, and the store key of the model state there */
  readonly position: CheckpointPosition
  readonly state: string
  /** vectors that the peer kept for itself */
  readonly own: readonly ExtraVector[]
  /** mean training loss of the last round */
  readonly trainingLoss: number | undefined
  /** milliseconds from the first round's start to the last one's end */
  readonly milliseconds: number
}

/** Milliseconds that a leaving peer gives the round in flight. */
const LEAVE = 1000
/** Milliseconds that the last round is kept for those that still fetch it. */
const LINGER = 10_000
/** Share of the store that what others still need may fill; then who is furthest behind must take the state anew. */
const ROOM = 0.75
/** Rounds that a strategy is told of. */
const REMEMBERED = 10_000
/** Rounds that a member may be late and still find what was decided. */
const LATE = 64
const NOWHERE = { round: 0, hash: '0'.repeat(64), plan: '0'.repeat(16) }

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
  readonly #standing: Standing
  readonly #followers: Followers
  readonly #pulse: Pulse
  readonly #book = new StateBook()
  readonly #own: OwnVectors
  /** of an optimiser step, by the run's schedule */
  readonly #learningRate: (step: number) => number
  /** that steps the model at the end of a round */
  readonly #optimiser: OptimiserSpec
  readonly #history: RoundRecord[] = []
  readonly #hurry = new AbortController()
  readonly #announced = new Map<number, Digest>()
  /** peers whose state turned out to be wrong */
  readonly #distrusted = new Set<PeerId>()
  #donors: readonly PeerId[] = []
  #current: Round | undefined
  #stranded: PeergradError | undefined
  /** whom the run goes on without, as the strategy wants it */
  readonly #retired = new Set<PeerId>()
  /** false until a majority has the same state as this peer */
  #confirmed = false
  /** the round in which this peer came back to a view that it is in */
  #returned: { readonly round: number; readonly until: number } | undefined
  #trainingLoss: number | undefined
  /** called when somebody comes into another state or is lost */
  #changed = () => {}

  constructor(init: PeerRuntimeInit) {
    this.#init = init
    const { swarm, clock, store, engine, schedule, logger, emit, patience } = init
    this.#journal = new Journal(emit)
    this.#roster = new Roster({ swarm, clock, patience })
    this.#catcher = new Catcher({ swarm, clock, logger })
    this.#followers = new Followers(clock)
    this.#vectors = new VectorExchange({
      mesh: swarm.mesh,
      store,
      packing: { ...(init.codec && { codec: init.codec }), sparse: init.filter !== undefined },
      deadline: swarm.manifest.deadline,
      refuse: (peer, offence, reason) => {
        swarm.mesh.report(peer, offence)
        emit({ type: 'refused', other: peer, offence, reason })
      }
    })
    const { optimiser } = swarm.manifest
    const { outer, steps: stepsPerRound = 1 } = init.strategy
    this.#learningRate = (step) => learningRateAt(schedule, step, optimiser.learningRate)
    this.#optimiser = outer ?? optimiser
    this.#model = new Model({
      store,
      engine,
      vectors: this.#vectors,
      optimiser: this.#optimiser,
      learningRate: outer === undefined ? this.#learningRate : () => outer.learningRate,
      stepsPerRound,
      ownModels: init.strategy.ownModels === true
    })
    this.#own = new OwnVectors(store, init.resume?.own)
    const [every, samples] = [init.evaluateEvery, init.evaluateSamples]
    this.#estimates = new Estimates({ engine, store, logger, emit, every, samples })
    this.#standing = new Standing({ ...init, model: this.#model, estimates: this.#estimates })
    this.#estimates.accuracy = init.resume?.position.accuracy ?? 0
    this.#pulse = new Pulse({
      mesh: swarm.mesh,
      clock,
      own: () => this.#beat(),
      onBeat: (peer, beat) => this.#onBeat(peer, beat)
    })
  }

  /**
   * Takes part until the run ends, or until one of the signals aborts. Rejects with what makes this peer unable to go
   * on.
   */
  async run({ leave, stop, signal }: PeerSignals): Promise<PeerOutcome> {
    const { swarm, clock, patience } = this.#init
    const off = [
      swarm.on('message', ({ from, message, envelope }) => this.#onMessage(from, message, envelope)),
      swarm.on('merged', ({ lineage }) => this.#onMerged(lineage.founder)),
      swarm.mesh.on('ended', ({ error }) => this.#hurry.abort(error)),
      swarm.mesh.on('disconnect', ({ peer }) => {
        this.#followers.remove(peer)
        this.#retired.delete(peer)
      }),
      ...this.#followRoster()
    ]
    swarm.respond((from, request) => this.#respond(from, request))
    const onLeave = () => this.#onLeave()
    leave.addEventListener('abort', onLeave, { once: true })
    const ends = AbortSignal.any([leave, stop])
    try {
      const founding = await swarm.gather({ deadline: patience, signal: AbortSignal.any([signal, ends]) })
      await this.#start(founding, AbortSignal.any([signal, ends]))
      const start = clock.now()
      const status = await this.#rounds(AbortSignal.any([signal, this.#hurry.signal, stop]), ends)
      const milliseconds = clock.now() - start
      await this.#estimates.settled()
      if (status === 'finished') await this.#linger(AbortSignal.any([signal, ends]))
      return this.#outcome(status, milliseconds)
    } finally {
      leave.removeEventListener('abort', onLeave)
      for (const remove of off) remove()
      this.#pulse.close()
      this.#roster.close()
      this.#followers.close()
      this.#vectors.close()
    }
  }

  get #here(): Here | undefined {
    return this.#standing.here
  }

  get #manifest(): RunManifest {
    return this.#init.swarm.manifest
  }

  get #self(): PeerId {
    return this.#init.swarm.mesh.self
  }

  // --- the state that this peer starts from

  async #start(founding: Founding | undefined, signal: AbortSignal): Promise<void> {
    const { resume, clock } = this.#init
    if (founding?.state === null) {
      await this.#model.initialise(this.#manifest.seed)
      this.#enter(founding.view, { epoch: 0, start: 0, changes: [{ round: 0, members: [...founding.view.members] }] })
      this.#confirm()
    } else if (resume !== undefined && founding?.state?.hash === resume.position.hash) {
      const { round, hash, step, view, data } = resume.position
      this.#model.adopt({ round, step, hash })
      this.#enter(view, data)
      this.#confirm()
    } else {
      await this.#takeState(signal)
      // what it said in this round before it was gone, it does not know any more
      const { round, view } = this.#here as Here
      if (view.members.includes(this.#self)) this.#returned = { round, until: clock.now() + this.#manifest.grace }
    }
  }

  /** Takes the state of the run that the others train. */
  async #takeState(signal: AbortSignal): Promise<void> {
    const { engine, store, swarm, clock, patience, logger, emit } = this.#init
    const start = clock.now()
    this.#current = undefined
    this.#standing.clear()
    this.#confirmed = false
    // nobody need wait for this peer meanwhile
    this.#pulse.beat()
    for (const donor of this.#donors) this.#distrusted.add(donor)
    const { donors, donation } = await takeState({
      swarm,
      vectors: this.#vectors,
      store,
      clock,
      optimiser: this.#optimiser,
      length: layoutLength(engine.layout),
      parameters: engine.layout.parameters,
      ownModels: this.#init.strategy.ownModels === true,
      prepare: () => this.#model.clear(),
      distrusted: this.#distrusted,
      patience,
      signal
    })
    this.#donors = donors
    await this.#own.settle(false)
    this.#model.adopt(donation)
    this.#enter(donation.view, donation.position)
    const seconds = (clock.now() - start) / 1000
    logger.info({ round: this.#model.round, donors, seconds }, 'took the state of the run')
    emit({ type: 'healed', round: this.#model.round })
    this.#compare()
  }

  #enter(view: View, data: CheckpointPosition['data']): void {
    this.#standing.begin(data)
    this.#roster.enter(view)
    this.#arrive()
  }

  /** This peer is in a new state, of which everything fits together. */
  #arrive(): void {
    const here = this.#standing.arrive(this.#roster.view)
    this.#book.enter(here, this.#init.clock.now())
    this.#pulse.beat()
  }

  #confirm(): void {
    this.#confirmed = true
    this.#donors = []
    this.#pulse.beat()
  }

  // --- rounds

  async #rounds(signal: AbortSignal, ends: AbortSignal): Promise<PeerOutcome['status']> {
    for (;;) {
      if (this.#retired.has(this.#self) || (ends.aborted && !this.#roster.isMember(this.#self))) return 'left'
      try {
        if (await this.#oneRound(signal, ends)) return 'finished'
      } catch (thrown) {
        if (this.#stranded !== undefined) return 'stranded'
        const error = PeergradError.from(thrown)
        if (ends.aborted && error.code === 'aborted') return 'left'
        if (error === MAY_VOTE) continue
        if (error.code !== 'conflict' && !this.#othersHave(error)) throw error
        // this peer fell too far behind, or holds another model, or its database lost it
        await this.#takeState(AbortSignal.any([signal, ends]))
      }
    }
  }

  /** Whether it is something of the run that this peer misses, and not the only one to have had it. */
  #othersHave({ code }: PeergradError): boolean {
    return code === 'missing' && (this.#here?.view.members.length ?? 1) > 1
  }

  /** True when it was the last. */
  async #oneRound(signal: AbortSignal, ends: AbortSignal): Promise<boolean> {
    const { clock, store, engine, strategy, swarm, aggregator, preAggregators, filter, emit } = this.#init
    const start = clock.now()
    const { round, view } = this.#here as Here
    const member = view.members.includes(this.#self)
    const votes = member && !this.#abstains(round)
    const current = new Round(
      {
        run: swarm.run,
        manifest: this.#manifest,
        self: this.#self,
        engine,
        store,
        strategy,
        aggregator,
        ...(preAggregators && { preAggregators }),
        ...(filter && { filter }),
        own: this.#own,
        clock,
        vectors: this.#vectors,
        announced: this.#announced,
        send: (message) => swarm.send(message),
        sha256: (text) => swarm.sha256(text),
        lost: (peer) => this.#roster.isLost(peer),
        onPhase: (number, phase) => this.#journal.phase(number, phase)
      },
      {
        round,
        view,
        state: this.#model.key,
        minibatches: this.#standing.minibatches(this.#self),
        steps: this.#model.step,
        learningRate: this.#learningRate,
        votes,
        minimum: () => this.#roster.minimum(),
        next: () => this.#next(),
        onContradiction: (peer, envelopes) => {
          const signed = envelopes.map((bytes) => Buffer.from(bytes).toString('base64'))
          emit({ type: 'equivocated', other: peer, round, envelopes: signed })
        }
      }
    )
    this.#current = current
    const until = member && !votes ? (this.#returned?.until ?? 0) : Infinity
    const cancel = until < Infinity ? clock.after(until - clock.now(), () => current.give(MAY_VOTE)) : () => {}
    try {
      const running = current.run(member ? signal : AbortSignal.any([signal, ends]))
      this.#catcher.enter(current, this.#ahead(round))
      const result = await running
      await this.#apply(current, result, start)
      const { finish, retired } = result.decision.proposal
      for (const peer of retired) this.#retired.add(peer)
      return finish
    } finally {
      cancel()
    }
  }

  /**
   * A peer that comes back to a view that it is in does not know how it voted. In the round of its return it follows,
   * unless all others are here, so that nobody decided without them, or the grace is over.
   */
  #abstains(round: number): boolean {
    const returned = this.#returned
    if (returned === undefined || returned.round !== round || this.#init.clock.now() >= returned.until) return false
    return this.#roster.view.members.some((peer) => peer !== this.#self && this.#roster.suspects(peer))
  }

  /** Members that said that they are in a later round. */
  #ahead(round: number): PeerId[] {
    return this.#roster.view.members.filter((peer) => this.#book.round(peer) > round)
  }

  async #apply(current: Round, { decision, outcome, attempts }: RoundResult, start: number): Promise<void> {
    const { clock, swarm, checkpoints } = this.#init
    const { round } = current
    const view = this.#roster.view.number
    await current.measure('update', () => this.#model.update(outcome))
    await this.#own.settle(decision.proposal.contributions.some(({ peer }) => peer === this.#self))
    const floor = await this.#floor()
    this.#catcher.decided(round, decision, floor)
    this.#roster.next(decision.proposal.members)
    this.#arrive()
    const { contributions } = decision.proposal
    const samples = contributions.reduce((sum, contribution) => sum + contribution.samples, 0)
    const loss =
      contributions.reduce((sum, contribution) => sum + contribution.loss * contribution.samples, 0) / samples
    this.#trainingLoss = loss
    this.#remember({ round, loss, members: contributions.length, milliseconds: clock.now() - start })
    this.#journal.round({
      round,
      attempt: attempts - 1,
      view,
      contributors: contributions.map(({ peer }) => peer),
      samples,
      loss,
      seconds: (clock.now() - start) / 1000,
      phases: current.phases,
      steps: this.#model.step,
      packed: current.packed,
      links: swarm.mesh.links(),
      parametersHash: this.#model.hash as Digest
    })
    await this.#estimates.afterRound(round, this.#model.key)
    // a run with a target waits for it, so that the same round ends it every time
    if (this.#manifest.targetAccuracy > 0) await this.#estimates.settled()
    if (checkpoints?.due(this.#model.round) === true) await checkpoints.save(this.#standing.position(), this.#own.extra)
    this.#compare()
    await this.#model.forget(floor)
  }

  /** What this peer would propose to become of the run after the round in hand. */
  #next(): Pick<Proposal, 'members' | 'retired' | 'finish'> {
    const { strategy } = this.#init
    const view = this.#roster.view
    const members = this.#roster.proposal()
    const retired = strategy.retire?.({ view, history: this.#history }) ?? []
    return {
      members: members.filter((peer) => !retired.includes(peer)),
      retired: view.members.filter((peer) => retired.includes(peer)),
      finish: this.#standing.isLast()
    }
  }

  #remember(record: RoundRecord): void {
    if (this.#init.strategy.retire === undefined) return
    this.#history.push(record)
    if (this.#history.length > REMEMBERED) this.#history.shift()
  }

  /** The first round that somebody who catches up still needs, as far as there is room to keep it. */
  async #floor(): Promise<number> {
    const { bytes, limit } = await this.#init.store.usage()
    const now = this.#model.round
    if (bytes > limit * ROOM) {
      this.#followers.dropLast()
      return this.#followers.floor(now)
    }
    // a member that is a little late must not have to take the whole state anew
    const members = this.#roster.view.members.filter((peer) => peer !== this.#self && !this.#roster.isLost(peer))
    const late = members.map((peer) => this.#book.round(peer)).filter((round) => round >= now - LATE)
    return Math.min(this.#followers.floor(now), ...late)
  }

  // --- membership and messages

  #followRoster(): (() => void)[] {
    const { emit } = this.#init
    return [
      this.#roster.on('view', ({ number, members }) => emit({ type: 'view', number, members })),
      this.#roster.on('suspect', ({ peer, reason }) => {
        emit({ type: 'suspected', other: peer, reason })
        this.#changed()
      }),
      this.#roster.on('trust', ({ peer }) => emit({ type: 'trusted', other: peer })),
      this.#roster.on('lost', ({ peer, reason }) => {
        emit({ type: 'lost', other: peer, reason })
        this.#current?.lose(peer)
        this.#changed()
      }),
      this.#roster.on('regained', ({ peer }) => this.#current?.regain(peer)),
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
    if (this.#here !== undefined) swarm.send({ kind: 'leave', run: swarm.run, round: this.#here.round })
    const alone = this.#roster.view.members.length < 2
    clock.after(alone ? 0 : LEAVE, () => this.#hurry.abort(new PeergradError('aborted', 'this peer leaves the run')))
  }

  /** An older founding of this run was found: what this half trained is given up for the state of that one. */
  #onMerged(founder: PeerId): void {
    this.#init.emit({ type: 'merged', founder })
    this.#current?.overtaken()
  }

  #beat(): Beat {
    const { round, hash, plan } = this.#here ?? NOWHERE
    return { stateful: this.#here !== undefined, confirmed: this.#confirmed, round, hash, plan }
  }

  #onBeat(from: PeerId, beat: Beat): void {
    const { clock } = this.#init
    this.#book.record(from, beat)
    if (beat.stateful) this.#followers.reached(from, beat.round)
    const caughtUp = beat.confirmed && !this.#retired.has(from) && this.#book.upToDate(from, clock.now())
    this.#roster.beat(from, { stateful: beat.stateful, caughtUp })
    if (caughtUp) this.#current?.retry()
    if (this.#here !== undefined && beat.round > this.#here.round && this.#roster.isMember(from))
      this.#catcher.ask(from)
    // what a majority said holds until somebody is in another state
    if (!this.#confirmed || this.#book.agrees(from) === false) this.#compare()
    this.#changed()
  }

  #onMessage(from: PeerId, message: ControlMessage, envelope: Uint8Array): void {
    this.#roster.heard(from)
    switch (message.kind) {
      case 'leave':
        return this.#roster.leaves(from)
      case 'suspicions':
        return this.#roster.suspicions(from, message)
      default:
        if (this.#roster.isMember(from) || !this.#confirmed)
          this.#catcher.receive(from, { message, envelope }, this.#here?.round ?? 0)
    }
  }

  async #respond(from: PeerId, request: Exclude<ControlRequest, { kind: 'join' }>): Promise<ControlAnswer | undefined> {
    const here = this.#here
    if (here === undefined || !this.#confirmed) return undefined
    if (request.kind === 'decision' && request.round < here.round) {
      return { kind: 'decided', decision: this.#catcher.decision(request.round) ?? null }
    }
    const { swarm, store } = this.#init
    if (request.kind !== 'donate' || !swarm.isReady(from)) return undefined
    const { donation, release } = await donate(this.#vectors, store, this.#optimiser, {
      round: here.round,
      hash: here.hash,
      step: here.step,
      lineage: swarm.lineage,
      view: { ...here.view, members: [...here.view.members] },
      position: here.data
    })
    this.#followers.add(from, here.round, release)
    return donation
  }

  /** Holds the own state against those of a majority. */
  #compare(): void {
    const here = this.#here
    if (here === undefined) return
    const verdict = this.#book.verdict(here.view.members, this.#self)
    if (verdict === 'same' && !this.#confirmed) this.#confirm()
    if (verdict !== 'differs' || this.#current === undefined) return
    this.#init.emit({ type: 'diverged', round: here.round - 1 })
    this.#current.overtaken()
    this.#current = undefined
  }

  // --- end

  /** Stays for those that still fetch what the last round decided. */
  async #linger(signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    const { round, view } = this.#here as Here
    const others = () => new Set([...view.members, ...this.#followers.peers])
    const waiting = () =>
      [...others()].some(
        (peer) => peer !== this.#self && !this.#roster.suspects(peer) && this.#book.round(peer) < round
      )
    let over = false
    const end = () => {
      over = true
      this.#changed()
    }
    const cancel = clock.after(LINGER, end)
    signal.addEventListener('abort', end, { once: true })
    while (waiting() && !over && !signal.aborted) {
      const change = deferred<void>()
      this.#changed = change.resolve
      await change.promise
    }
    cancel()
  }

  #outcome(status: PeerOutcome['status'], milliseconds: number): PeerOutcome {
    const { hash, view } = this.#here as Here
    return {
      status,
      ...(this.#stranded && { error: this.#stranded }),
      rank: view.members.indexOf(this.#self),
      rounds: this.#journal.rounds,
      members: view.members,
      parametersHash: hash,
      position: this.#standing.position(),
      state: this.#model.key,
      own: this.#own.extra,
      trainingLoss: this.#trainingLoss,
      milliseconds
    }
  }
}

/** Ends a round in which this peer only followed, to begin it again with a vote. */
const MAY_VOTE = new PeergradError('aborted', 'this peer may vote now')
