import {
  controlAnswers,
  controlRequests,
  PeergradError,
  type Clock,
  type ControlAnswer,
  type ControlRequest,
  type Lineage,
  type Mesh,
  type MeshRequest,
  type PeerId,
  type RunManifest,
  type StateName
} from '@peergrad/core'
import { FloodGuard } from '../network/flood-guard.js'
import type { Credentials } from './admission/admission.js'
import { KnownRun, type KnownRunInit } from './known-run.js'
import { precedes, sameLineage } from './lineage.js'

const JOIN_DEADLINE = 10_000

/** A request made further away from now than this looks replayed, in milliseconds: two clocks may be wrong by an hour each. */
const CLOCK_TOLERANCE = 3 * 3_600_000

/** Requests that are remembered, so that none is taken twice. */
const NONCES = 10_000

/** Greetings of one peer: at once, as links come and go, and a second in the long run. */
const RATE = { burst: 60, perSecond: 1 }
/** Requests of one that watches: it takes what has been at once, and goes on with what comes. */
const WATCHES = { burst: 200, perSecond: 4 }

export interface AcquaintanceInit {
  readonly mesh: Mesh
  readonly clock: Clock
  /** manifest of the run, or undefined to take it from the first peer that has one */
  readonly manifest: RunManifest | undefined
  /** the founding that this peer takes part in, or undefined to take it from the first peer that knows one */
  readonly lineage: Lineage | undefined
  /** the checkpoint that this peer comes back with */
  readonly resumed: StateName | undefined
  /** what this peer has to prove that it may take part */
  readonly credentials: Credentials
  /** the view that this peer comes back to */
  readonly members: readonly PeerId[]
  readonly sha256: KnownRunInit['sha256']
  /** the first digits of the id of the run that this peer came for */
  readonly expected?: string
}

type Join = Extract<ControlRequest, { kind: 'join' }>
type Watch = Extract<ControlRequest, { kind: 'watch' }>
type Welcome = Extract<ControlAnswer, { kind: 'welcome' }>

/**
 * The handshake between two peers that are connected: each shows its run manifest, signed, with a nonce and the time
 * so that it cannot be replayed, the founding that it takes part in, and what proves that it may. A peer of another run
 * is refused with the first field that differs, one that may not take part with what it takes; of two foundings of one
 * run, one side takes up the other's.
 */
export class Acquaintance {
  readonly #mesh: Mesh
  readonly #clock: Clock
  readonly #resumed: StateName | undefined
  readonly #about: KnownRunInit
  readonly #guard: FloodGuard
  readonly #watchers: FloodGuard
  /** peers of this founding that are ready to train, with the checkpoint that they come back with */
  readonly #ready = new Map<PeerId, StateName | null>()
  readonly #nonces = new Set<string>()
  #run: KnownRun | undefined
  #lineage: Lineage | undefined
  #members: ReadonlySet<PeerId>

  /** whether this peer is ready to train, and whether it trains */
  state: 'preparing' | 'ready' | 'running' = 'preparing'
  /** true for a peer that is about to be told that the run begins with it */
  expects: (peer: PeerId) => boolean = () => false
  /** why a peer has no part in the run any more; undefined when it has */
  excluded: (peer: PeerId) => string | undefined = () => undefined
  /** called once for each peer of this founding that is ready to train */
  onReady: (peer: PeerId) => void = () => {}
  /** called when this peer takes up another founding of its run */
  onMerge: () => void = () => {}
  /** called before `onReady`, when a peer of this founding trains already */
  onRunning: () => void = () => {}

  /** Error `refused` when the own run asks for what this peer has not. */
  constructor({ mesh, clock, manifest, lineage, resumed, members, credentials, sha256, expected }: AcquaintanceInit) {
    this.#mesh = mesh
    this.#clock = clock
    this.#members = new Set(members)
    this.#about = {
      self: mesh.self,
      credentials,
      sha256,
      now: () => clock.wall(),
      isMember: (peer) => this.#members.has(peer),
      ...(expected && { expected })
    }
    const guard = (rate: typeof RATE) =>
      new FloodGuard(
        rate,
        (peer, offence) => mesh.report(peer, offence),
        () => clock.now()
      )
    this.#guard = guard(RATE)
    this.#watchers = guard(WATCHES)
    if (manifest !== undefined) this.#run = new KnownRun(manifest, this.#about)
    this.#lineage = lineage
    this.#resumed = resumed
  }

  get run(): KnownRun | undefined {
    return this.#run
  }

  get lineage(): Lineage | undefined {
    return this.#lineage
  }

  /** Peers of this founding that are ready to train, in the order in which they said so. */
  get ready(): readonly PeerId[] {
    return [...this.#ready.keys()].filter((peer) => this.objection(peer) === undefined)
  }

  isReady(peer: PeerId): boolean {
    return this.#ready.has(peer) && this.objection(peer) === undefined
  }

  /** Why a peer that could take part when it came may not any more; undefined when it may. */
  objection(peer: PeerId): PeergradError | undefined {
    return this.#run?.objection(peer)
  }

  /** Who is in the view: of two peers that came by one right, the one that is. */
  settle(members: readonly PeerId[]): void {
    this.#members = new Set(members)
    this.#run?.settle()
  }

  /** The checkpoint that a ready peer comes back with. */
  resumedBy(peer: PeerId): StateName | null {
    return this.#ready.get(peer) ?? null
  }

  /** The peer is gone; it must greet again when it comes back. */
  forget(peer: PeerId): void {
    this.#ready.delete(peer)
  }

  /** This peer founds the run in the place of one that went before it began: as a little older, so that all take it up. */
  succeed(): void {
    const { founded } = this.#lineage as Lineage
    this.#lineage = { founder: this.#mesh.self, founded: founded - 1 }
    this.#ready.clear()
  }

  /**
   * Greets a connected peer. While this peer prepares it only asks what the run is. Errors: `refused` with the field
   * that differs, or with what one of them lacks to take part, `timeout`, `unreachable`.
   */
  async greet(peer: PeerId, signal?: AbortSignal): Promise<void> {
    this.#checkExcluded(peer)
    const greeting = { from: this.#mesh.self, to: peer, nonce: crypto.randomUUID(), time: this.#clock.wall() }
    const told = this.state === 'preparing' ? undefined : this.#run
    const request = controlRequests.encode({
      kind: 'join',
      manifest: told?.manifest ?? null,
      lineage: this.#lineage ?? null,
      running: this.state === 'running',
      resumed: this.#resumed ?? null,
      nonce: greeting.nonce,
      time: greeting.time,
      credential: told?.show(greeting) ?? null
    })
    const answer = controlAnswers.decode(await this.#mesh.request(peer, request, { deadline: JOIN_DEADLINE, signal }))
    if (answer.kind !== 'welcome') throw new PeergradError('corrupt', `join: got ${answer.kind}, expected welcome`)
    const run = this.#run ?? KnownRun.toldBy(answer.manifest, this.#about)
    run.checkSame(answer.manifest)
    try {
      run.checkAdmitted({ ...greeting, from: peer, to: this.#mesh.self }, answer.credential, !answer.ready)
    } catch (thrown) {
      // what the other one lacks is no objection to this one
      throw new PeergradError('refused', PeergradError.from(thrown).message)
    }
    this.#run = run
    if (this.#meet(answer) && answer.ready) this.#add(peer, answer.resumed)
  }

  /** Answers a join request. Returns why it was refused, if it was. */
  answer(request: MeshRequest, message: Join): PeergradError | undefined {
    try {
      this.#checkExcluded(request.from)
      if (!this.#guard.allows(request.from)) {
        throw new PeergradError('refused', 'join: got greetings too often, expected one for each connection')
      }
      const run = this.#run
      if (run === undefined || this.#lineage === undefined) {
        throw new PeergradError('refused', 'join: this peer does not know its run yet; ask another one')
      }
      this.#checkTime('join', message.time)
      if (this.#nonces.has(message.nonce)) throw stale('join')
      this.#remember(message.nonce)
      const { manifest, nonce, time, credential } = message
      if (manifest !== null) {
        run.checkSame(manifest)
        run.checkAdmitted({ from: request.from, to: this.#mesh.self, nonce, time }, credential)
      }
      request.respond(controlAnswers.encode(this.#welcome(request.from, run, message)))
      if (manifest === null) return undefined
      // one that still trains for another founding comes again when it has taken up this one
      const ours = message.lineage === null || this.#meet({ lineage: message.lineage, running: message.running })
      // one that is not connected yet is greeted when it is; of one that never is nobody would say that it went
      if (ours && this.#mesh.connected().includes(request.from)) this.#add(request.from, message.resumed)
      return undefined
    } catch (error) {
      const refusal = PeergradError.from(error)
      request.refuse(refusal)
      return refusal
    }
  }

  /** What a request to watch shows. */
  claim(to: PeerId): Pick<Watch, 'nonce' | 'time' | 'credential'> {
    const greeting = { from: this.#mesh.self, to, nonce: crypto.randomUUID(), time: this.#clock.wall() }
    return { nonce: greeting.nonce, time: greeting.time, credential: this.#run?.show(greeting) ?? null }
  }

  /** Error `refused` says why a peer may not watch: whoever may take part in the run may. */
  checkWatcher(from: PeerId, watch: Watch): void {
    this.#checkExcluded(from)
    if (!this.#watchers.allows(from))
      throw new PeergradError('refused', `watch: asked too often, expected ${WATCHES.perSecond} a second at most`)
    const { nonce, time, credential } = watch
    // asked again it says the same to the same peer: no need to remember the nonce
    this.#checkTime('watch', time)
    this.#run?.checkAdmitted({ from, to: this.#mesh.self, nonce, time }, credential, true)
  }

  #checkTime(what: 'join' | 'watch', time: number): void {
    if (Math.abs(this.#clock.wall() - time) > CLOCK_TOLERANCE) throw stale(what)
  }

  #welcome(to: PeerId, run: KnownRun, { nonce, time }: Join): Welcome {
    return {
      kind: 'welcome',
      manifest: run.manifest,
      lineage: this.#lineage as Lineage,
      running: this.state === 'running' && !this.expects(to),
      ready: this.state !== 'preparing',
      resumed: this.#resumed ?? null,
      credential: run.show({ from: this.#mesh.self, to, nonce, time })
    }
  }

  /** True when the other one is of this founding, also when this peer takes up the other's. */
  #meet(theirs: { readonly lineage: Lineage; readonly running: boolean }): boolean {
    const ours = this.#lineage
    if (ours === undefined) this.#lineage = theirs.lineage
    else if (!sameLineage(ours, theirs.lineage)) {
      if (!precedes(theirs, { lineage: ours, running: this.state === 'running' })) return false
      this.#lineage = theirs.lineage
      this.#ready.clear()
      this.onMerge()
    }
    if (theirs.running) this.onRunning()
    return true
  }

  /** Bounded: when there are too many the oldest is forgotten, which by then the time of its request may rule out. */
  #remember(nonce: string): void {
    this.#nonces.add(nonce)
    if (this.#nonces.size <= NONCES) return
    for (const oldest of this.#nonces) {
      this.#nonces.delete(oldest)
      return
    }
  }

  #checkExcluded(peer: PeerId): void {
    const reason = this.excluded(peer)
    if (reason !== undefined) throw new PeergradError('refused', `join: ${peer} has no part in this run: ${reason}`)
  }

  #add(peer: PeerId, resumed: StateName | null): void {
    const known = this.#ready.has(peer)
    this.#ready.set(peer, resumed)
    if (!known) this.onReady(peer)
  }
}

function stale(what: 'join' | 'watch'): PeergradError {
  const message = `${what}: got a request made at another time, expected a fresh one; check the clocks`
  return new PeergradError('refused', message)
}
