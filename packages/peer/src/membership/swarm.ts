import {
  canonical,
  controlAnswers,
  controlMessages,
  controlRequests,
  Emitter,
  PeergradError,
  type Clock,
  type ControlAnswer,
  type ControlMessage,
  type ControlRequest,
  type Logger,
  type Mesh,
  type MeshRequest,
  type PeerId,
  type RunManifest
} from '@peergrad/core'
import { checkAborted, deferred, orAborted } from '../deferred.js'
import { Acquaintance } from './acquaintance.js'

export interface SwarmInit {
  readonly mesh: Mesh
  readonly clock: Clock
  readonly logger: Logger
  /** the run, or undefined to take it from the first peer that is reached */
  readonly manifest?: RunManifest
  /** addresses of known peers; none: this peer founds the run */
  readonly join: readonly string[]
  /** SHA-256 as hexadecimal digits */
  readonly sha256: (text: string) => string
}

interface SwarmEvents extends Record<string, unknown> {
  /** a message of this run */
  message: { readonly from: PeerId; readonly message: ControlMessage }
  /** a peer of this run is ready to train */
  ready: { readonly peer: PeerId }
  refused: { readonly peer: PeerId; readonly reason: string }
}

/** Milliseconds that the first view may take to arrive once others train. */
const FOUNDING = 2000

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
  readonly #founded = deferred<readonly PeerId[]>()
  readonly #off: (() => void)[]
  #responder: Responder = async () => undefined
  #run: string | undefined
  /** members of the first view that have not said anything in the run yet */
  #silent: ReadonlySet<PeerId> = new Set()
  readonly #heard = new Set<PeerId>()
  /** a peer that was greeted trains already */
  #late = false

  constructor(init: SwarmInit) {
    super()
    this.#init = init
    this.mesh = init.mesh
    this.#acquaintance = new Acquaintance({ ...init, manifest: init.manifest, founder: init.join.length === 0 })
    this.#acquaintance.expects = (peer) => this.#silent.has(peer) && !this.#heard.has(peer)
    this.#acquaintance.onReady = (peer) => this.emit('ready', { peer })
    this.#off = [
      init.mesh.on('connect', ({ peer }) => void this.#greet(peer)),
      init.mesh.on('disconnect', ({ peer }) => this.#acquaintance.forget(peer)),
      init.mesh.on('request', (request) => void this.#onRequest(request)),
      init.mesh.on('message', ({ from, payload }) => this.#onMessage(from, payload))
    ]
  }

  get founder(): boolean {
    return this.#init.join.length === 0
  }

  /** The run's id: SHA-256 of the canonical manifest. */
  get run(): string {
    if (this.#run === undefined) this.#run = this.#init.sha256(canonical(this.manifest))
    return this.#run
  }

  get manifest(): RunManifest {
    const { manifest } = this.#acquaintance
    if (manifest === undefined)
      throw new PeergradError('missing', 'the run is not known yet: no peer of it was reached')
    return manifest
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
    if (this.founder) return this.manifest
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
        if (await this.#acquaintance.greet(peer, limit)) this.#late = true
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
   * Says that this peer is ready to train and waits for the first view. Resolves with its members, or with undefined
   * when the run goes on already. Error `timeout` says how many peers were there.
   */
  async gather(options: { deadline: number; signal: AbortSignal }): Promise<readonly PeerId[] | undefined> {
    this.#acquaintance.state = 'ready'
    const { clock } = this.#init
    const started = deferred<undefined>()
    const timers = [clock.after(options.deadline, () => this.#founded.reject(this.#tooFew(options.deadline)))]
    // the others train: either this peer is about to be told its first view, or it was not waited for
    const off = this.on('message', () => timers.push(clock.after(FOUNDING, () => started.resolve(undefined))))
    try {
      await Promise.all(this.mesh.connected().map((peer) => this.#greet(peer)))
      if (this.#late) return undefined
      if (this.founder) await this.#found(options.signal)
      const members = await orAborted(Promise.race([this.#founded.promise, started.promise]), options.signal)
      this.#silent = new Set(members)
      return members
    } finally {
      off()
      for (const cancel of timers) cancel()
      this.#acquaintance.state = 'running'
    }
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
  }

  async #found(signal: AbortSignal): Promise<void> {
    const others = this.manifest.peers - 1
    while (this.ready.length < others) {
      const somebody = deferred<void>()
      const off = this.on('ready', () => somebody.resolve())
      try {
        await Promise.race([orAborted(somebody.promise, signal), this.#founded.promise])
      } finally {
        off()
      }
    }
    const members = [this.mesh.self, ...this.ready.slice(0, others)]
    // one that cannot be told any more is missed by the first round, like any other that goes
    await Promise.allSettled(
      members
        .slice(1)
        .map((peer) => this.ask(peer, { kind: 'found', run: this.run, members }, { deadline: 5000, signal }))
    )
    this.#founded.resolve(members)
  }

  #tooFew(deadline: number): PeergradError {
    const here = this.ready.length + 1
    return new PeergradError(
      'timeout',
      `got ${here} of ${this.manifest.peers} peers within ${Math.round(deadline / 1000)} s; ` +
        'start the others with the join command of this peer, or ask for fewer with --peers',
      { here, expected: this.manifest.peers }
    )
  }

  async #greet(peer: PeerId): Promise<void> {
    try {
      if (await this.#acquaintance.greet(peer)) this.#late = true
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      this.#init.logger.debug({ peer, error: error.message }, 'greeting failed')
      if (error.code === 'refused') this.emit('refused', { peer, reason: error.message })
    }
  }

  #onMessage(from: PeerId, payload: Uint8Array): void {
    let message: ControlMessage
    try {
      message = controlMessages.decode(payload)
    } catch (thrown) {
      this.mesh.report(from, 'malformed')
      this.emit('refused', { peer: from, reason: PeergradError.from(thrown).message })
      return
    }
    if (message.run !== this.#runIfKnown()) return
    if (this.#silent.has(from)) this.#heard.add(from)
    this.emit('message', { from, message })
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
        message.kind === 'found'
          ? this.#onFound(request.from, message.members)
          : await this.#responder(request.from, message)
      if (answer === undefined) throw new PeergradError('missing', `this peer cannot answer "${message.kind}" now`)
      request.respond(controlAnswers.encode(answer))
    } catch (thrown) {
      request.refuse(PeergradError.from(thrown))
    }
  }

  #onFound(from: PeerId, members: readonly PeerId[]): ControlAnswer {
    if (from !== this.#acquaintance.founder)
      throw new PeergradError('refused', 'only the founder of a run makes its first view')
    this.#founded.resolve(members)
    return { kind: 'done' }
  }

  #runIfKnown(): string | undefined {
    return this.#acquaintance.manifest === undefined ? undefined : this.run
  }
}
