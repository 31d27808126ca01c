import {
  canonical,
  controlAnswers,
  controlMessages,
  controlRequests,
  Emitter,
  PeergradError,
  type Clock,
  type Digest,
  type ControlAnswer,
  type ControlMessage,
  type ControlRequest,
  type DerivedMessage,
  type Guest,
  type Lineage,
  type Logger,
  type Mesh,
  type MeshEvents,
  type MeshMessage,
  type MeshRequest,
  type Offence,
  type PeerId,
  type RunManifest
} from '@peergrad/core'
import { Acquaintance } from './acquaintance.js'
import type { Credentials } from './admission/admission.js'
import { Gathering, type Founding, type GatheringInit } from './gathering.js'
import { Greetings } from './greetings.js'
import type { KnownRun } from './known-run.js'
import { Strangers } from './strangers.js'

export interface SwarmInit extends Pick<GatheringInit, 'join' | 'resumed' | 'founding' | 'onWaiting'> {
  readonly mesh: Mesh
  readonly clock: Clock
  readonly logger: Logger
  /** the run, or undefined to take it from the first peer that is reached */
  readonly manifest?: RunManifest
  /** the first digits of the id of the run that this peer came for; any when left out */
  readonly expected?: string
  /** SHA-256 as hexadecimal digits */
  readonly sha256: (text: string) => string
  /** what this peer has to prove that it may take part, where the run asks for it */
  readonly credentials?: Credentials
  /** of announcements; peers of one process may share it, for they get the same bytes */
  readonly decode?: (payload: Uint8Array) => ControlMessage
}

interface SwarmEvents extends Record<string, unknown> {
  /** a message of this run, and the bytes in which it came: signed, but for `derived` */
  message: { readonly from: PeerId; readonly message: ControlMessage; readonly envelope: Uint8Array }
  /** a peer of this run is ready to train */
  ready: { readonly peer: PeerId }
  /** `join` when the peer may not take part, else what it did */
  refused: { readonly peer: PeerId; readonly offence: 'join' | Offence; readonly reason: string }
  /** a connected peer is of another run and both know it: the connection is good for nothing */
  stranger: { readonly peer: PeerId }
  /** this peer took up an older founding of its run while it trained: its own state is no good any more */
  merged: { readonly lineage: Lineage }
}

/** Events of a peer as lines of `events.ndjson` have them, and the number of the next one. */
type Shown = { readonly lines: readonly string[]; readonly next: number }

/** Answers a request of a peer of the run; undefined when this peer cannot, yet. */
type Responder = (
  from: PeerId,
  request: Exclude<ControlRequest, { kind: 'join' | 'watch' }>
) => Promise<ControlAnswer | undefined>

/**
 * The peers of one run: greets whoever connects, keeps those of other runs out, and hands the run's messages on.
 */
export class Swarm extends Emitter<SwarmEvents> {
  readonly mesh: Mesh
  readonly #init: SwarmInit
  readonly #acquaintance: Acquaintance
  readonly #greetings: Greetings
  readonly #gathering: Gathering
  readonly #strangers: Strangers
  readonly #off: (() => void)[]
  #responder: Responder = async () => undefined
  #events: (from: number) => Shown | undefined = () => undefined
  #scope: { readonly lineage: Lineage; readonly id: string } | undefined

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
      resumed: init.resumed?.state,
      members: (init.founding ?? init.resumed)?.view.members ?? []
    })
    this.#greetings = new Greetings({
      ...init,
      acquaintance: this.#acquaintance,
      onRefused: (peer, error) => this.#refused(peer, error)
    })
    this.#strangers = new Strangers({
      clock: init.clock,
      isReady: (peer) => this.isReady(peer),
      onStranger: (peer) => this.emit('stranger', { peer })
    })
    this.#gathering = new Gathering({
      ...init,
      acquaintance: this.#acquaintance,
      greetings: this.#greetings,
      known: this,
      ask: (peer, request, options) => this.ask(peer, request, options),
      onReady: (listener) => this.on('ready', listener)
    })
    this.#acquaintance.expects = (peer) => this.#gathering.expects(peer)
    this.#acquaintance.onReady = (peer) => this.emit('ready', { peer })
    this.#acquaintance.onMerge = () => this.#merge()
    this.#acquaintance.onRunning = () => this.#gathering.late()
    this.#off = [
      init.mesh.on('connect', ({ peer }) => void this.#greetings.greet(peer)),
      init.mesh.on('disconnect', ({ peer }) => {
        this.#acquaintance.forget(peer)
        this.#strangers.gone(peer)
      }),
      init.mesh.on('request', (request) => void this.#onRequest(request)),
      init.mesh.on('message', (message) => this.#onMessage(message)),
      init.mesh.on('told', (told) => this.#onTold(told)),
      init.mesh.on('beat', ({ from }) => this.#gathering.speaks(from))
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
  find(options: { deadline: number; signal: AbortSignal }): Promise<RunManifest> {
    return this.#gathering.find(options)
  }

  /**
   * Says that this peer is ready to train and waits for the run to begin. Resolves with undefined when it goes on
   * already. Errors: `timeout` says how many peers were there, `refused` why nobody lets this one in.
   */
  gather(options: { deadline: number; signal: AbortSignal }): Promise<Founding | undefined> {
    return this.#gathering.gather(options)
  }

  /** Who is in the view. Others may be ready no more by that, see `objection`. */
  settle(members: readonly PeerId[]): void {
    this.#acquaintance.settle(members)
  }

  /** Why a peer that could take part when it came may not any more; undefined when it may. */
  objection(peer: PeerId): PeergradError | undefined {
    return this.#acquaintance.objection(peer)
  }

  /**
   * Whether the peer has shown this one that it may take part; also when another one came by the same right first, for of
   * those the view says which.
   */
  hasMet(peer: PeerId): boolean {
    return this.isReady(peer) || this.objection(peer) !== undefined
  }

  /** Who used what is for one peer alone and is in the view no more: a newcomer is told. */
  get guests(): Guest[] {
    return this.#known.guests
  }

  /** What this peer was told of them as a newcomer. */
  told(guests: readonly Guest[]): void {
    this.#known.told(guests)
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

  /** Who may take part in the run may see these, from the event with a number on. */
  show(events: (from: number) => Shown): void {
    this.#events = events
  }

  /** What happened at a connected peer of the run, from its event with a number on. Errors: `refused`, `timeout`, `unreachable`. */
  async watch(peer: PeerId, from: number, options: { deadline: number; signal?: AbortSignal }): Promise<Shown> {
    const request: ControlRequest = { kind: 'watch', run: this.run, from, ...this.#acquaintance.claim(peer) }
    const answer = await this.ask(peer, request, options)
    if (answer.kind === 'watched') return answer
    throw new PeergradError('corrupt', `watch: got ${answer.kind}, expected watched`)
  }

  /** Best effort: what could not be sent is logged. */
  send(message: ControlMessage): void {
    const announce = async () => this.mesh.announce(controlMessages.encode(message))
    announce().catch((thrown: unknown) => {
      this.#init.logger.warn({ kind: message.kind, error: PeergradError.from(thrown).message }, 'announce failed')
    })
  }

  /** To one peer alone. */
  tell(peer: PeerId, message: DerivedMessage): void {
    this.mesh.tell(peer, controlMessages.encode(message))
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
    this.#greetings.close()
    this.#strangers.close()
  }

  #refused(peer: PeerId, error: PeergradError): void {
    this.emit('refused', { peer, offence: 'join', reason: error.message })
    this.#strangers.refused(peer, error)
  }

  /** This peer took up another founding: everybody is told, and one that trained starts anew. */
  #merge(): void {
    this.#init.logger.info({ founder: this.lineage.founder }, 'took up an older founding of this run')
    void this.#greetings.greetAll()
    if (this.#acquaintance.state === 'running') this.emit('merged', { lineage: this.lineage })
  }

  #onMessage({ from, payload, envelope }: MeshMessage): void {
    this.#hear(from, envelope, () => (this.#init.decode ?? controlMessages.decode)(payload))
  }

  #onTold({ from, payload }: MeshEvents['told']): void {
    this.#hear(from, payload, () => {
      const message = controlMessages.decode(payload)
      if (message.kind === 'derived') return message
      throw new PeergradError('corrupt', `got ${message.kind} without a signature, expected derived`)
    })
  }

  #hear(from: PeerId, envelope: Uint8Array, decode: () => ControlMessage): void {
    let message: ControlMessage
    try {
      message = decode()
    } catch (thrown) {
      this.mesh.report(from, 'malformed')
      this.emit('refused', { peer: from, offence: 'malformed', reason: PeergradError.from(thrown).message })
      return
    }
    const { run, lineage } = this.#acquaintance
    if (run === undefined || lineage === undefined || message.run !== this.scope) return
    this.#gathering.speaks(from)
    this.emit('message', { from, message, envelope })
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
      if (refusal !== undefined) this.#refused(request.from, refusal)
      return
    }
    try {
      if (message.run !== this.#acquaintance.run?.id) throw new PeergradError('refused', 'this peer is of another run')
      const answer = await this.#answer(request.from, message)
      if (answer === undefined) throw new PeergradError('missing', `this peer cannot answer "${message.kind}" now`)
      request.respond(controlAnswers.encode(answer))
    } catch (thrown) {
      request.refuse(PeergradError.from(thrown))
    }
  }

  async #answer(from: PeerId, message: Exclude<ControlRequest, { kind: 'join' }>): Promise<ControlAnswer | undefined> {
    if (message.kind === 'found') return this.#gathering.onFound(from, message)
    if (message.kind !== 'watch') return this.#responder(from, message)
    this.#acquaintance.checkWatcher(from, message)
    const shown = this.#events(message.from)
    return shown && { kind: 'watched', lines: [...shown.lines], next: shown.next }
  }

  get #known(): KnownRun {
    const { run } = this.#acquaintance
    if (run === undefined) throw new PeergradError('missing', 'the run is not known yet: no peer of it was reached')
    return run
  }
}
