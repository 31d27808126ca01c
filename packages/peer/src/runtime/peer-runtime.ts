import {
  layoutLength,
  learningRateAt,
  PeergradError,
  quorum,
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
  type PhaseTimes,
  type PluginReference,
  type RunManifest,
  type Strategy,
  type View
} from '@peergrad/core'
import { FailureDetector } from '../membership/failure-detector.js'
import type { Swarm } from '../membership/swarm.js'
import type { Decision } from './agreement.js'
import { DataPlan } from './data-plan.js'
import { Journal, type EventBody } from './journal.js'
import { Round, type RoundResult } from './round.js'
import { donate, stateKey, stateKeys, takeState } from './state-sync.js'
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
  readonly status: 'finished' | 'left'
  readonly rank: number
  /** rounds of the run, and those of them that this peer took part in */
  readonly rounds: number
  readonly steps: number
  readonly members: readonly PeerId[]
  readonly parametersHash: Digest
  /** store key of the last model state */
  readonly state: string
  readonly position: DataPlan['position']
  readonly phases: PhaseTimes
  /** mean training loss of the last round */
  readonly trainingLoss: number | undefined
  /** milliseconds from the first round's start to the last one's end */
  readonly milliseconds: number
}

const HEARTBEAT = 1000
const RECONNECT = 500
const SILENCE = 10_000
/** Milliseconds that a leaving peer gives the round in flight. */
const LEAVE = 1500
/** Decisions that a peer which fell behind can still ask for. */
const MEMORY = 8
/** Outcomes and contributions are offered for as many rounds after their own. */
const RETENTION = 2

/**
 * The rounds of one peer, from the first view to the end: data position, model versions, membership as agreed, and
 * the way back for a peer that fell behind.
 */
export class PeerRuntime {
  readonly #init: PeerRuntimeInit
  readonly #journal: Journal
  readonly #detector: FailureDetector
  readonly #vectors: VectorExchange
  readonly #decisions = new Map<number, Decision>()
  /** messages of the next round that came before this peer got there */
  #early: { from: PeerId; message: ControlMessage & { round: number } }[] = []
  readonly #caughtUp = new Set<PeerId>()
  readonly #hashes = new Map<number, Map<PeerId, Digest>>()
  #asked = new Set<string>()
  #view: View = { number: 0, members: [] }
  #round = 0
  #step = 0
  #current: Round | undefined
  #plan: DataPlan | undefined
  #leaving = false
  #accuracy = 0
  #trainingLoss: number | undefined
  #hash: Digest = ''
  #evaluation: Promise<void> = Promise.resolve()

  constructor(init: PeerRuntimeInit) {
    this.#init = init
    const { swarm, clock, store, emit } = init
    this.#journal = new Journal(emit)
    this.#detector = new FailureDetector({ mesh: swarm.mesh, clock, reconnect: RECONNECT, silence: SILENCE })
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
  }

  /** Takes part until the run ends, or until `leave` aborts; a plain `signal` abort gives up at once. */
  async run({ leave, signal }: { leave: AbortSignal; signal: AbortSignal }): Promise<PeerOutcome> {
    const { swarm, clock } = this.#init
    const off = [
      swarm.on('message', ({ from, message }) => this.#onMessage(from, message)),
      swarm.on('ready', ({ peer }) => this.#admit(peer)),
      swarm.mesh.on('disconnect', ({ peer }) => this.#caughtUp.delete(peer)),
      this.#detector.on('suspect', ({ peer, reason }) => this.#onSuspect(peer, reason)),
      this.#detector.on('trust', ({ peer }) => this.#onTrust(peer))
    ]
    swarm.respond((from, request) => this.#respond(from, request))
    const hurry = new AbortController()
    const onLeave = () => this.#onLeave(hurry)
    leave.addEventListener('abort', onLeave, { once: true })
    let cancelHeartbeat = () => {}
    const beat = () => {
      this.#heartbeat()
      cancelHeartbeat = clock.after(HEARTBEAT, beat)
    }
    try {
      const members = await swarm.gather({ deadline: this.#init.patience, signal: AbortSignal.any([signal, leave]) })
      if (members === undefined) await this.#catchUp(signal)
      else await this.#start(members)
      beat()
      const start = clock.now()
      if (leave.aborted) this.#onLeave(hurry)
      const status = await this.#rounds(AbortSignal.any([signal, hurry.signal]), leave)
      const milliseconds = clock.now() - start
      await this.#evaluation
      if (status === 'finished') await this.#linger(signal)
      return this.#outcome(status, milliseconds)
    } finally {
      cancelHeartbeat()
      leave.removeEventListener('abort', onLeave)
      for (const remove of off) remove()
      this.#detector.close()
      await this.#vectors.close()
    }
  }

  get #manifest(): RunManifest {
    return this.#init.swarm.manifest
  }

  get #self(): PeerId {
    return this.#init.swarm.mesh.self
  }

  // --- start

  async #start(members: readonly PeerId[]): Promise<void> {
    const { engine, store } = this.#init
    const state = store.lease(layoutLength(engine.layout))
    await engine.initialise(this.#manifest.seed, state.vector)
    const [key, ...optimiser] = stateKeys(0, this.#manifest.optimiser)
    await store.put(key, state)
    for (const name of optimiser) {
      const zeros = store.lease(engine.layout.parameters)
      zeros.vector.fill(0)
      await store.put(name, zeros)
    }
    this.#hash = await store.digest(key)
    this.#plan = this.#newPlan({ epoch: 0, start: 0, changes: [{ round: 0, members: [...members] }] })
    this.#enter({ number: 0, members })
  }

  /** Takes the state of a run that goes on already. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { engine, swarm, clock, patience } = this.#init
    const optimiser = this.#manifest.optimiser
    const start = clock.now()
    this.#current = undefined
    this.#early = []
    const length = layoutLength(engine.layout)
    const vectors = this.#vectors
    const donation = await takeState({ swarm, vectors, clock, optimiser, length, patience, signal })
    this.#round = donation.round
    this.#step = donation.step
    this.#plan = this.#newPlan(donation.position)
    this.#asked.clear()
    this.#enter(donation.view)
    const seconds = (clock.now() - start) / 1000
    this.#init.logger.info({ round: this.#round, seconds }, 'took the state of the run')
    this.#init.emit({ type: 'healed', round: this.#round })
  }

  #newPlan(position: DataPlan['position']): DataPlan {
    const { batch, seed } = this.#manifest
    const { partition, strategy } = this.#init
    return new DataPlan({ seed, batch, minibatches: strategy.minibatches, partition }, position)
  }

  // --- rounds

  async #rounds(signal: AbortSignal, leave: AbortSignal): Promise<'finished' | 'left'> {
    for (;;) {
      if (leave.aborted && !this.#view.members.includes(this.#self)) return 'left'
      const finished = await this.#oneRound(signal, leave).catch(async (thrown: unknown) => {
        if (leave.aborted) return 'left' as const
        const error = PeergradError.from(thrown)
        if (error.code !== 'conflict') throw error
        // this peer fell too far behind to follow round by round
        await this.#catchUp(signal)
        return false
      })
      if (finished === 'left') return 'left'
      if (finished) return 'finished'
    }
  }

  async #oneRound(signal: AbortSignal, leave: AbortSignal): Promise<boolean> {
    const { clock, store, engine, strategy, swarm, aggregator } = this.#init
    const plan = this.#plan as DataPlan
    const start = clock.now()
    const round = this.#round
    plan.advance(round, this.#view.members)
    this.#current = new Round(
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
        suspects: (peer) => this.#detector.suspects(peer),
        onPhase: (number, phase) => this.#journal.phase(number, phase)
      },
      {
        round,
        view: this.#view,
        state: stateKey(round),
        minibatches: plan.minibatches(round, this.#self),
        next: () => ({ members: this.#nextMembers(), finish: this.#isLast(round) })
      }
    )
    const early = this.#early.filter(({ message }) => message.round === round)
    this.#early = this.#early.filter(({ message }) => message.round > round)
    const running = this.#current.run(this.#current.member ? signal : AbortSignal.any([signal, leave]))
    for (const { from, message } of early) this.#current.receive(from, message)
    const result = await running
    await this.#apply(result, start)
    return result.decision.proposal.finish
  }

  async #apply({ decision, outcome, attempts }: RoundResult, start: number): Promise<void> {
    const { store, engine, clock, swarm, schedule } = this.#init
    const { optimiser } = this.#manifest
    const round = this.#round
    const current = this.#current as Round
    this.#step += 1
    await current.measure('update', () =>
      store.applyUpdate({
        from: stateKey(round),
        to: stateKey(round + 1),
        gradient: outcome,
        optimiser,
        parameters: engine.layout.parameters,
        step: this.#step,
        learningRate: learningRateAt(schedule, this.#step, optimiser.learningRate)
      })
    )
    this.#hash = await store.digest(stateKey(round + 1))
    this.#round = round + 1
    this.#decisions.set(round, decision)
    this.#decisions.delete(round - MEMORY)
    this.#hashes.delete(round - MEMORY)
    swarm.send({ kind: 'state', run: swarm.run, round, hash: this.#hash })
    const { contributions } = decision.proposal
    const samples = contributions.reduce((sum, contribution) => sum + contribution.samples, 0)
    const loss =
      contributions.reduce((sum, contribution) => sum + contribution.loss * contribution.samples, 0) / samples
    this.#trainingLoss = loss
    this.#journal.round({
      round,
      attempt: attempts - 1,
      view: this.#view.number,
      contributors: contributions.map(({ peer }) => peer),
      samples,
      loss,
      seconds: (clock.now() - start) / 1000,
      phases: current.phases,
      links: swarm.mesh.links(),
      parametersHash: this.#hash
    })
    this.#evaluateSometimes(round)
    this.#nextView(decision.proposal.members)
    await this.#forget(round)
  }

  /** Deletes what no peer can ask for any more. */
  async #forget(round: number): Promise<void> {
    const { store } = this.#init
    this.#vectors.retire(round + 1 - RETENTION)
    const old = round - RETENTION
    await store.delete([...(await store.keys(`round:${old}:`)), ...stateKeys(old, this.#manifest.optimiser)])
  }

  #isLast(round: number): boolean {
    const { epochs, rounds, targetAccuracy } = this.#manifest
    if (rounds > 0 && round + 1 >= rounds) return true
    if (targetAccuracy > 0 && this.#accuracy >= targetAccuracy) return true
    const plan = this.#plan as DataPlan
    return rounds === 0 && plan.epoch + 1 >= epochs && round + 1 >= plan.epochEnd
  }

  #evaluateSometimes(round: number): void {
    const { evaluateEvery, evaluateSamples, engine, store, emit, logger } = this.#init
    if (evaluateEvery === 0 || (round + 1) % evaluateEvery !== 0) return
    const key = stateKey(round + 1)
    this.#evaluation = (async () => {
      const state = await store.get(key)
      try {
        const { accuracy, loss, samples } = await engine.evaluate({ state: state.vector, limit: evaluateSamples })
        this.#accuracy = accuracy
        emit({ type: 'evaluated', round, accuracy, loss, samples })
      } finally {
        state.release()
      }
    })().catch((thrown: unknown) =>
      logger.warn({ round, error: PeergradError.from(thrown).message }, 'evaluation failed')
    )
  }

  // --- membership

  #enter(view: View): void {
    this.#view = view
    for (const peer of view.members) if (peer !== this.#self) this.#detector.watch(peer)
    this.#admit()
    this.#init.emit({ type: 'view', number: view.number, members: view.members })
  }

  #nextView(members: readonly PeerId[]): void {
    const { members: before, number } = this.#view
    if (members.length === before.length && members.every((peer, index) => peer === before[index])) return
    for (const peer of before) if (!members.includes(peer)) this.#detector.forget(peer)
    for (const peer of members) this.#caughtUp.delete(peer)
    this.#enter({ number: number + 1, members })
  }

  /** Members that are not suspected, and newcomers that have the state of this round. */
  #nextMembers(): PeerId[] {
    const stay = this.#view.members.filter(
      (peer) => !this.#detector.suspects(peer) && !(this.#leaving && peer === this.#self)
    )
    const newcomers = [...this.#caughtUp].filter((peer) => !this.#view.members.includes(peer)).sort()
    return stay.length + newcomers.length > 0 ? [...stay, ...newcomers] : [...this.#view.members]
  }

  #admit(peer?: PeerId): void {
    const peers = new Set([...this.#view.members, ...this.#init.swarm.ready])
    if (peer !== undefined) peers.add(peer)
    this.#init.swarm.mesh.admit([...peers])
  }

  #onSuspect(peer: PeerId, reason: string): void {
    this.#init.emit({ type: 'suspected', other: peer, reason })
    this.#current?.suspect(peer)
    const here = this.#view.members.filter((member) => !this.#detector.suspects(member)).length
    if (here < quorum(this.#view.members.length)) {
      const reason = `${here} of ${this.#view.members.length} peers are here, a majority is ${quorum(this.#view.members.length)}`
      this.#init.emit({ type: 'paused', reason })
    }
  }

  #onTrust(peer: PeerId): void {
    this.#current?.trust(peer)
    const here = this.#view.members.filter((member) => !this.#detector.suspects(member)).length
    if (here === quorum(this.#view.members.length))
      this.#init.emit({ type: 'resumed', reason: 'a majority is here again' })
  }

  /** Tells the others and finishes the round in flight without this peer, but not for longer than LEAVE. */
  #onLeave(hurry: AbortController): void {
    if (this.#leaving) return
    this.#leaving = true
    const { swarm, clock } = this.#init
    swarm.send({ kind: 'leave', run: swarm.run, round: this.#round })
    const alone = this.#view.members.length < 2
    clock.after(alone ? 0 : LEAVE, () => hurry.abort(new PeergradError('aborted', 'this peer leaves the run')))
  }

  #heartbeat(): void {
    const { swarm } = this.#init
    swarm.send({ kind: 'heartbeat', run: swarm.run, round: this.#round })
    this.#current?.repeat()
  }

  // --- messages

  #onMessage(from: PeerId, message: ControlMessage): void {
    this.#detector.heard(from)
    switch (message.kind) {
      case 'heartbeat':
        if (!this.#view.members.includes(from) && this.#init.swarm.isReady(from) && message.round + 1 >= this.#round) {
          this.#caughtUp.add(from)
        }
        if (message.round > this.#round) void this.#ask(from)
        return
      case 'leave':
        return this.#detector.leaves(from)
      case 'state':
        return this.#onHash(from, message.round, message.hash)
    }
    const current = this.#current
    if (message.round === current?.round) return current.receive(from, message)
    if (message.round < this.#round) return
    // bounded: a peer sends few messages a round, and only those of the next rounds are kept
    const room = this.#early.length < 64 * (this.#view.members.length + 1)
    if (message.round <= this.#round + 2 && room) this.#early.push({ from, message })
    if (message.round > this.#round) void this.#ask(from)
  }

  /** Somebody is further: what was decided of this round? */
  async #ask(peer: PeerId): Promise<void> {
    const round = this.#round
    const name = `${round}/${peer}`
    const current = this.#current
    if (this.#asked.has(name) || current?.round !== round || current.decided) return
    this.#asked.add(name)
    if (this.#asked.size > 256) this.#asked = new Set([name])
    const { swarm, logger } = this.#init
    try {
      const answer = await swarm.ask(peer, { kind: 'decision', run: swarm.run, round }, { deadline: 5000 })
      if (answer.kind !== 'decided' || this.#round !== round) return
      if (answer.decision === null) current.overtaken()
      else current.receive(peer, { kind: 'commit', run: swarm.run, round, ...answer.decision })
    } catch (thrown) {
      this.#asked.delete(name)
      logger.debug({ peer, error: PeergradError.from(thrown).message }, 'asking for a decision failed')
    }
  }

  async #respond(from: PeerId, request: Exclude<ControlRequest, { kind: 'join' }>): Promise<ControlAnswer | undefined> {
    switch (request.kind) {
      case 'decision': {
        if (request.round >= this.#round) return undefined
        return { kind: 'decided', decision: this.#decisions.get(request.round) ?? null }
      }
      case 'donate': {
        if (this.#plan === undefined || this.#current === undefined || !this.#init.swarm.isReady(from)) return undefined
        const { number, members } = this.#view
        const position = {
          round: this.#round,
          step: this.#step,
          view: { number, members: [...members] },
          position: this.#plan.position
        }
        return donate(this.#vectors, this.#init.store, this.#manifest.optimiser, position)
      }
      case 'found':
        return undefined
    }
  }

  #onHash(peer: PeerId, round: number, hash: Digest): void {
    let hashes = this.#hashes.get(round)
    if (hashes === undefined) {
      if (round > this.#round + 2 || round < this.#round - MEMORY) return
      this.#hashes.set(round, (hashes = new Map()))
    }
    hashes.set(peer, hash)
    if (round !== this.#round - 1) return
    const others = [...hashes.values()].filter((theirs) => theirs !== this.#hash)
    if (others.length >= quorum(this.#view.members.length)) {
      this.#init.emit({ type: 'diverged', round })
      this.#current?.overtaken()
    }
  }

  // --- end

  /** Stays for those that still fetch what the last round decided. */
  async #linger(signal: AbortSignal): Promise<void> {
    const { clock } = this.#init
    const last = this.#round - 1
    const others = () =>
      this.#view.members.filter(
        (peer) => peer !== this.#self && !this.#detector.suspects(peer) && !this.#hashes.get(last)?.has(peer)
      )
    const start = clock.now()
    while (others().length > 0 && clock.now() - start < SILENCE && !signal.aborted) {
      await new Promise<void>((resolve) => clock.after(50, resolve))
    }
  }

  #outcome(status: 'finished' | 'left', milliseconds: number): PeerOutcome {
    return {
      status,
      rank: this.#view.members.indexOf(this.#self),
      rounds: this.#journal.rounds,
      steps: this.#step,
      members: this.#view.members,
      parametersHash: this.#hash,
      state: stateKey(this.#round),
      position: (this.#plan as DataPlan).position,
      phases: this.#journal.phases,
      trainingLoss: this.#trainingLoss,
      milliseconds
    }
  }
}
