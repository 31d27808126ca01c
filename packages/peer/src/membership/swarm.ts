import {
  canonical,
  controlAnswers,
  controlMessages,
  controlRequests,
  Emitter,
  PeergradError,
  quorum,
  type Clock,
  type Digest,
  type ControlAnswer,
  type ControlMessage,
  type ControlRequest,
  type Lineage,
  type Logger,
  type Mesh,
  type MeshMessage,
  type MeshRequest,
  type PeerId,
  type RunManifest,
  type StateName,
  type View
} from '@peergrad/core'
import { checkAborted, deferred, orAborted } from '../deferred.js'
import { Acquaintance } from './acquaintance.js'
import type { Credentials } from './admission/admission.js'
import type { KnownRun } from './known-run.js'
import { sameLineage } from './lineage.js'

export interface SwarmInit {
  readonly mesh: Mesh
  readonly clock: Clock
  readonly logger: Logger
  /** the run, or undefined to take it from the first peer that is reached */
  readonly manifest?: RunManifest
  /** addresses of known peers; none: this peer founds the run, or calls a resumed one together */
  readonly join: readonly string[]
  /** where this peer was in the run when it stopped */
  readonly resumed?: { readonly state: StateName; readonly view: View; readonly lineage: Lineage }
  /** SHA-256 as hexadecimal digits */
  readonly sha256: (text: string) => string
  /** what this peer has to prove that it may take part, where the run asks for it */
  readonly credentials?: Credentials
  /** where the run begins, and with whom, when all of them know it already: then nobody is greeted */
  readonly founding?: { readonly view: View; readonly lineage: Lineage }
  /** of announcements; peers of one process may share it, for they get the same bytes */
  readonly decode?: (payload: Uint8Array) => ControlMessage
}

interface SwarmEvents extends Record<string, unknown> {
  /** a message of this run, and the signed bytes in which it came */
  message: { readonly from: PeerId; readonly message: ControlMessage; readonly envelope: Uint8Array }
  /** a peer of this run is ready to train */
  ready: { readonly peer: PeerId }
  refused: { readonly peer: PeerId; readonly reason: string }
  /** this peer took up an older founding of its run while it trained: its own state is no good any more */
  merged: { readonly lineage: Lineage }
}

/** Where a run begins. */
export interface Founding {
  readonly view: View
  /** the state that all start from; null for a new model */
  readonly state: StateName | null
}

/** Milliseconds that the first view may take to arrive once others train. */
const FOUNDING = 2000
/** Milliseconds before a greeting that got lost is tried again: the connection may be another one than a moment ago. */
const GREET_AGAIN = { first: 250, factor: 2, most: 5000 }

/** Answers a request of a peer of the run; undefined when this peer cannot, yet. */
type Responder = (
  from: PeerId,
  request: Exclude<ControlRequest, { kind: 'join' }>
) => Promise<ControlAnswer | undefined>

/**
 * The peers of one run: greets whoever connects, keeps those of other runs out, and hands the run's messages on.
 */
export class Swarm extends Emitter<SwarmEvents> {
  readonly mesh: Mesh
  readonly #init: SwarmInit
  readonly #acquaintance: Acquaintance
  readonly #founded = deferred<Founding>()
  readonly #late = deferred<undefined>()
  readonly #off: (() => void)[]
  #responder: Responder = async () => undefined
  /** members of the first view that have not said anything in the run yet */
  #silent: ReadonlySet<PeerId> = new Set()
  readonly #heard = new Set<PeerId>()
  #scope: { readonly lineage: Lineage; readonly id: string } | undefined
  /** cancel the greetings that are to be tried again */
  readonly #greetings = new Set<() => void>()

  constructor(init: SwarmInit) {
    super()
    this.#init = init
    this.mesh = init.mesh
    const founding = { founder: init.mesh.self, founded: init.clock.wall() }
    this.#acquaintance = new Acquaintance({
      ...init,
      manifest: init.manifest,
      credentials: init.credentials ?? {},
      lineage: init.founding?.lineage ?? init.resumed?.lineage ?? (init.join.length === 0 ? founding : undefined),
      resumed: init.resumed?.state
    })
    this.#acquaintance.expects = (peer) => this.#silent.has(peer) && !this.#heard.has(peer)
    this.#acquaintance.onReady = (peer) => this.emit('ready', { peer })
    this.#acquaintance.onMerge = (running) => this.#merge(running)
    this.#off = [
      init.mesh.on('connect', ({ peer }) => void this.#greet(peer)),
      init.mesh.on('disconnect', ({ peer }) => this.#acquaintance.forget(peer)),
      init.mesh.on('request', (request) => void this.#onRequest(request)),
      init.mesh.on('message', (message) => this.#onMessage(message)),
      init.mesh.on('beat', ({ from }) => this.#speaks(from))
    ]
  }

  /** Which founding of the run this peer takes part in. */
  get lineage(): Lineage {
    const { lineage } = this.#acquaintance
    if (lineage === undefined) throw new PeergradError('missing', 'the run is not known yet: no peer of it was reached')
    return lineage
  }

  /** SHA-256 as hexadecimal digits. */
  sha256(text: string): Digest {
    return this.#init.sha256(text)
  }

  /**
   * What signed messages name as their run: this run and this founding of it, so that what was signed in one training
   * means nothing in another with the same manifest and the same peers.
   */
  get scope(): string {
    const { lineage, run } = this
    if (this.#scope?.lineage !== lineage) {
      this.#scope = { lineage, id: this.#init.sha256(canonical({ run, lineage })) }
    }
    return this.#scope.id
  }

  /** The run's id: SHA-256 of the canonical manifest. */
  get run(): string {
    return this.#known.id
  }

  get manifest(): RunManifest {
    return this.#known.manifest
  }

  get ready(): readonly PeerId[] {
    return this.#acquaintance.ready
  }

  isReady(peer: PeerId): boolean {
    return this.#acquaintance.isReady(peer)
  }

  /**
   * Finds the run through the addresses to join. Errors: `unreachable` with what was tried, `refused` with the first
   * field in which the run differs from the own manifest.
   */
  async find(options: { deadline: number; signal: AbortSignal }): Promise<RunManifest> {
    if (this.#init.join.length === 0) return this.manifest
    const late = new AbortController()
    const seconds = Math.round(options.deadline / 1000)
    const timeout = new PeergradError('timeout', `no answer within ${seconds} s`)
    const cancel = this.#init.clock.after(options.deadline, () => late.abort(timeout))
    try {
      return await this.#findBy(AbortSignal.any([options.signal, late.signal]), options.signal)
    } finally {
      cancel()
    }
  }

  async #findBy(limit: AbortSignal, signal: AbortSignal): Promise<RunManifest> {
    const failures: PeergradError[] = []
    for (const address of this.#init.join) {
      try {
        const peer = await this.mesh.dial(address, { signal: limit })
        if (await this.#acquaintance.greet(peer, limit)) this.#late.resolve(undefined)
        return this.manifest
      } catch (thrown) {
        checkAborted(signal)
        failures.push(PeergradError.from(thrown))
      }
    }
    const refusal = failures.find(({ code }) => code === 'refused')
    if (refusal !== undefined) throw refusal
    throw new PeergradError(
      'unreachable',
      `no peer of the run answered at ${this.#init.join.join(', ')}: ${failures.map(({ message }) => message).join('; ')}; ` +
        'check that the first peer runs and that its address can be reached from here'
    )
  }

  /**
   * Says that this peer is ready to train and waits for the run to begin. Resolves with undefined when it goes on
   * already. Error `timeout` says how many peers were there.
   */
  async gather(options: { deadline: number; signal: AbortSignal }): Promise<Founding | undefined> {
    if (this.#init.founding !== undefined) {
      this.#acquaintance.state = 'running'
      return { view: this.#init.founding.view, state: null }
    }
    this.#acquaintance.state = 'ready'
    const { clock } = this.#init
    const timers = [clock.after(options.deadline, () => this.#founded.reject(this.#tooFew(options.deadline)))]
    // the others train: either this peer is about to be told where the run begins, or it was not waited for
    const off = this.mesh.on('beat', () => timers.push(clock.after(FOUNDING, () => this.#late.resolve(undefined))))
    const over = new AbortController()
    try {
      await Promise.all(this.mesh.connected().map((peer) => this.#greet(peer)))
      const signal = AbortSignal.any([options.signal, over.signal])
      if (this.#init.join.length === 0) this.#found(signal).catch((cause: unknown) => this.#founded.reject(cause))
      const founding = await orAborted(Promise.race([this.#late.promise, this.#founded.promise]), options.signal)
      this.#silent = new Set(founding?.view.members)
      return founding
    } finally {
      over.abort()
      off()
      for (const cancel of timers) cancel()
      this.#acquaintance.state = 'running'
    }
  }

  /** Who has no part in the run any more, and why: they are not greeted, and refused when they greet. */
  exclude(excluded: (peer: PeerId) => string | undefined): void {
    this.#acquaintance.excluded = excluded
  }

  /** A peer has no part in the run any more. */
  expel(peer: PeerId): void {
    this.#acquaintance.forget(peer)
  }

  /** Who answers requests of the run from now on. */
  respond(responder: Responder): void {
    this.#responder = responder
  }

  /** Best effort: what could not be sent is logged. */
  send(message: ControlMessage): void {
    const announce = async () => this.mesh.announce(controlMessages.encode(message))
    announce().catch((thrown: unknown) => {
      this.#init.logger.warn({ kind: message.kind, error: PeergradError.from(thrown).message }, 'announce failed')
    })
  }

  async ask(
    peer: PeerId,
    request: ControlRequest,
    options: { deadline: number; signal?: AbortSignal }
  ): Promise<ControlAnswer> {
    return controlAnswers.decode(await this.mesh.request(peer, controlRequests.encode(request), options))
  }

  close(): void {
    for (const off of this.#off) off()
    for (const cancel of this.#greetings) cancel()
  }

  /** Waits for the peers of the run, and tells them where it begins. */
  async #found(signal: AbortSignal): Promise<void> {
    const founding = this.#init.resumed === undefined ? await this.#first(signal) : await this.#again(signal)
    if (founding === undefined) return
    const { lineage, run } = this
    const { state } = founding
    const view = { ...founding.view, members: [...founding.view.members] }
    // one that cannot be told any more is missed by the first round, like any other that goes
    await Promise.allSettled(
      founding.view.members
        .filter((peer) => this.isReady(peer))
        .map((peer) => this.ask(peer, { kind: 'found', run, lineage, view, state }, { deadline: 5000, signal }))
    )
    this.#founded.resolve(founding)
  }

  /** Undefined when this peer took up the founding of another one meanwhile. */
  async #first(signal: AbortSignal): Promise<Founding | undefined> {
    const others = this.manifest.peers - 1
    while (this.ready.length < others) await this.#somebody(signal)
    if (this.lineage.founder !== this.mesh.self) return undefined
    return { view: { number: 0, members: [this.mesh.self, ...this.ready.slice(0, others)] }, state: null }
  }

  /** All members of the view in which the run stopped, or a majority of them once the rest had a deadline's time. */
  async #again(signal: AbortSignal): Promise<Founding> {
    const { view, state } = this.#init.resumed as NonNullable<SwarmInit['resumed']>
    const here = () => view.members.filter((peer) => peer === this.mesh.self || this.isReady(peer))
    while (here().length < quorum(view.members.length)) await this.#somebody(signal)
    const late = deferred<void>()
    const cancel = this.#init.clock.after(this.manifest.deadline, late.resolve)
    let waited = false
    void late.promise.then(() => (waited = true))
    while (here().length < view.members.length && !waited) {
      await Promise.race([late.promise, this.#somebody(signal)])
    }
    cancel()
    const states = here().map((peer) => (peer === this.mesh.self ? state : this.#acquaintance.resumedBy(peer)))
    return { view, state: mostCommon(states.filter((each) => each !== null)) }
  }

  async #somebody(signal: AbortSignal): Promise<void> {
    const somebody = deferred<void>()
    const off = this.on('ready', () => somebody.resolve())
    try {
      await orAborted(somebody.promise, signal)
    } finally {
      off()
    }
  }

  #tooFew(deadline: number): PeergradError {
    const here = this.ready.length + 1
    const expected = this.#init.resumed?.view.members.length ?? this.manifest.peers
    return new PeergradError(
      'timeout',
      `got ${here} of ${expected} peers within ${Math.round(deadline / 1000)} s; ` +
        'start the others with the join command of this peer, or ask for fewer with --peers',
      { here, expected }
    )
  }

  /** This peer took up another founding: everybody is told, and one that trained starts anew. */
  #merge(running: boolean): void {
    this.#init.logger.info({ founder: this.lineage.founder }, 'took up an older founding of this run')
    for (const peer of this.mesh.connected()) void this.#greet(peer)
    if (this.#acquaintance.state === 'running') this.emit('merged', { lineage: this.lineage })
    else if (running) this.#late.resolve(undefined)
  }

  async #greet(peer: PeerId, tries = 1): Promise<void> {
    try {
      if (await this.#acquaintance.greet(peer)) this.#late.resolve(undefined)
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      this.#init.logger.debug({ peer, error: error.message }, 'greeting failed')
      if (error.code === 'refused') return void this.emit('refused', { peer, reason: error.message })
      const pause = Math.min(GREET_AGAIN.first * GREET_AGAIN.factor ** (tries - 1), GREET_AGAIN.most)
      const again = this.#init.clock.after(pause, () => {
        this.#greetings.delete(again)
        if (this.mesh.connected().includes(peer)) void this.#greet(peer, tries + 1)
      })
      this.#greetings.add(again)
    }
  }

  #onMessage({ from, payload, envelope }: MeshMessage): void {
    let message: ControlMessage
    try {
      message = (this.#init.decode ?? controlMessages.decode)(payload)
    } catch (thrown) {
      this.mesh.report(from, 'malformed')
      this.emit('refused', { peer: from, reason: PeergradError.from(thrown).message })
      return
    }
    const { run, lineage } = this.#acquaintance
    if (run === undefined || lineage === undefined || message.run !== this.scope) return
    this.#speaks(from)
    this.emit('message', { from, message, envelope })
  }

  /** The peer takes part in the run: it was told where that begins. */
  #speaks(peer: PeerId): void {
    if (this.#silent.has(peer)) this.#heard.add(peer)
  }

  async #onRequest(request: MeshRequest): Promise<void> {
    let message: ControlRequest
    try {
      message = controlRequests.decode(request.payload)
    } catch (thrown) {
      this.mesh.report(request.from, 'malformed')
      request.refuse(PeergradError.from(thrown))
      return
    }
    if (message.kind === 'join') {
      const refusal = this.#acquaintance.answer(request, message)
      if (refusal !== undefined) this.emit('refused', { peer: request.from, reason: refusal.message })
      return
    }
    try {
      if (message.run !== this.#runIfKnown()) throw new PeergradError('refused', 'this peer is of another run')
      const answer =
        message.kind === 'found' ? this.#onFound(request.from, message) : await this.#responder(request.from, message)
      if (answer === undefined) throw new PeergradError('missing', `this peer cannot answer "${message.kind}" now`)
      request.respond(controlAnswers.encode(answer))
    } catch (thrown) {
      request.refuse(PeergradError.from(thrown))
    }
  }

  #onFound(from: PeerId, { lineage, view, state }: Extract<ControlRequest, { kind: 'found' }>): ControlAnswer {
    const ours = this.#acquaintance.lineage
    const may = from === ours?.founder || this.#init.resumed?.view.members.includes(from)
    if (ours === undefined || !sameLineage(ours, lineage) || may !== true) {
      throw new PeergradError('refused', 'only the founder of a run makes its first view')
    }
    this.#founded.resolve({ view, state })
    return { kind: 'done' }
  }

  #runIfKnown(): string | undefined {
    return this.#acquaintance.run?.id
  }

  get #known(): KnownRun {
    const { run } = this.#acquaintance
    if (run === undefined) throw new PeergradError('missing', 'the run is not known yet: no peer of it was reached')
    return run
  }
}

/** The state that most peers come back with; of several the furthest. */
function mostCommon(states: readonly StateName[]): StateName {
  const count = ({ hash }: StateName) => states.filter((each) => each.hash === hash).length
  return [...states].sort((a, b) => count(b) - count(a) || b.round - a.round || (a.hash < b.hash ? -1 : 1))[0]
}
