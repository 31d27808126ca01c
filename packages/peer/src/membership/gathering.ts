import {
  decodeBeat,
  PeergradError,
  quorum,
  type Clock,
  type ControlAnswer,
  type ControlRequest,
  type Lineage,
  type Mesh,
  type PeerId,
  type RunManifest,
  type StateName,
  type View
} from '@peergrad/core'
import { checkAborted, deferred, orAborted, pause } from '../deferred.js'
import type { Acquaintance } from './acquaintance.js'
import { FounderWatch } from './founder-watch.js'
import type { Greetings } from './greetings.js'
import { sameLineage } from './lineage.js'

/** Where a run begins. */
export interface Founding {
  readonly view: View
  /** the state that all start from; null for a new model */
  readonly state: StateName | null
}

/** Milliseconds that the first view may take to arrive once others train. */
const FOUNDING = 2000
/**
 * Times that the addresses to join are tried, and milliseconds before the second one, twice as many before the third: where a
 * whole swarm starts on one machine the first dial may come too early.
 */
const TRIES = 3
const PAUSE = 250

type Found = Extract<ControlRequest, { kind: 'found' }>

export interface GatheringInit {
  readonly mesh: Mesh
  readonly clock: Clock
  readonly acquaintance: Acquaintance
  readonly greetings: Greetings
  /** addresses of known peers; none: this peer founds the run, or calls a resumed one together */
  readonly join: readonly string[]
  /** where this peer was in the run when it stopped */
  readonly resumed?: { readonly state: StateName; readonly view: View; readonly lineage: Lineage }
  /** where the run begins, and with whom, when all of them know it already: then nobody is greeted */
  readonly founding?: { readonly view: View; readonly lineage: Lineage }
  /** what is known of the run; each member throws `missing` while nothing is */
  readonly known: { readonly run: string; readonly manifest: RunManifest; readonly lineage: Lineage }
  readonly ask: (
    peer: PeerId,
    request: Found,
    options: { readonly deadline: number; readonly signal: AbortSignal }
  ) => Promise<ControlAnswer>
  /** calls back for each peer of the run that is ready to train; what it returns ends that */
  readonly onReady: (listener: () => void) => () => void
  /** called while this peer waits for others to begin the run with, or to go on with it, when it is another number of them */
  readonly onWaiting?: (waiting: Waiting) => void
}

/** Peers of a run that are ready, this one included, and with how many it begins. */
export interface Waiting {
  readonly here: number
  readonly expected: number
}

/** How a run begins for this peer: it finds the run, waits for its peers, and gives out the first view or is told it. */
export class Gathering {
  readonly #init: GatheringInit
  readonly #founded = deferred<Founding>()
  readonly #late = deferred<undefined>()
  /** members of the first view that have not said anything in the run yet */
  #silent: ReadonlySet<PeerId> = new Set()
  readonly #heard = new Set<PeerId>()
  /** what was said last of peers that are here */
  #told = 0

  constructor(init: GatheringInit) {
    this.#init = init
  }

  /** The run goes on already, and this peer comes late. */
  late(): void {
    this.#late.resolve(undefined)
  }

  /** The peer takes part in the run: it was told where that begins. */
  speaks(peer: PeerId): void {
    if (this.#silent.has(peer)) this.#heard.add(peer)
  }

  /** True for a peer that is about to be told that the run begins with it. */
  expects(peer: PeerId): boolean {
    return this.#silent.has(peer) && !this.#heard.has(peer)
  }

  /**
   * Finds the run through the addresses to join. Errors: `unreachable` with what was tried, `refused` with the first
   * field in which the run differs from the own manifest.
   */
  async find(options: { deadline: number; signal: AbortSignal }): Promise<RunManifest> {
    const { join, known, clock } = this.#init
    if (join.length === 0) return known.manifest
    const late = new AbortController()
    const seconds = Math.round(options.deadline / 1000)
    const timeout = new PeergradError('timeout', `no answer within ${seconds} s`)
    const cancel = clock.after(options.deadline, () => late.abort(timeout))
    try {
      return await this.#findBy(AbortSignal.any([options.signal, late.signal]), options.signal)
    } finally {
      cancel()
    }
  }

  /**
   * Says that this peer is ready to train and waits for the run to begin. Resolves with undefined when it goes on
   * already. Errors: `timeout` says how many peers were there, `refused` why nobody lets this one in.
   */
  async gather(options: { deadline: number; signal: AbortSignal }): Promise<Founding | undefined> {
    const { founding: given, acquaintance, greetings, mesh, clock, join, resumed, known } = this.#init
    if (given !== undefined) {
      acquaintance.state = 'running'
      return { view: given.view, state: null }
    }
    acquaintance.state = 'ready'
    const timers = [clock.after(options.deadline, () => this.#founded.reject(this.#tooFew(options.deadline)))]
    // the others train: either this peer is about to be told where the run begins, or it was not waited for
    const off = mesh.on('beat', ({ from, payload }) => {
      if (this.#trains(from, payload)) timers.push(clock.after(FOUNDING, () => this.late()))
    })
    const watch = new FounderWatch({
      mesh,
      clock,
      founder: () => known.lineage.founder,
      onGone: () => this.#succeed()
    })
    const over = new AbortController()
    try {
      // whoever is told where the run begins need not hear from all first
      const told = this.#founded.promise.then(() => undefined)
      const objection = await orAborted(Promise.race([greetings.greetAll(), told]), options.signal)
      if (objection !== undefined && join.length > 0) throw objection
      const signal = AbortSignal.any([options.signal, over.signal])
      const calls = join.length === 0 || resumed === undefined
      if (calls) this.#found(signal).catch((cause: unknown) => this.#founded.reject(cause))
      const founding = await orAborted(Promise.race([this.#late.promise, this.#founded.promise]), options.signal)
      this.#silent = new Set(founding?.view.members)
      return founding
    } finally {
      over.abort()
      off()
      watch.close()
      for (const cancel of timers) cancel()
      acquaintance.state = 'running'
    }
  }

  /**
   * This peer is told where the run begins. Error `refused` when it is not the teller's to say: whoever calls a run together that goes
   * on from checkpoints has a state, and only the founder of one may begin it anew.
   */
  onFound(from: PeerId, { lineage, view, state }: Found): ControlAnswer {
    const ours = this.#init.acquaintance.lineage
    const calls = state !== null && this.#init.resumed?.view.members.includes(from) === true
    if (ours === undefined || !sameLineage(ours, lineage) || !(calls || from === ours.founder)) {
      throw new PeergradError('refused', 'only the founder of a run makes its first view')
    }
    this.#founded.resolve({ view, state })
    return { kind: 'done' }
  }

  /** Whether a beat shows that the run goes on: it is of a peer of this founding, which has a state. */
  #trains(from: PeerId, payload: Uint8Array): boolean {
    if (!this.#init.acquaintance.isReady(from)) return false
    try {
      return decodeBeat(payload).stateful
    } catch {
      // whoever takes down what the others say of themselves reports it
      return false
    }
  }

  async #findBy(limit: AbortSignal, signal: AbortSignal): Promise<RunManifest> {
    const { join, mesh, acquaintance, known, clock } = this.#init
    checkAborted(signal)
    let failures: PeergradError[] = []
    for (let tries = 0; tries < TRIES && !limit.aborted; tries++) {
      failures = []
      for (const address of join) {
        try {
          const peer = await mesh.dial(address, { signal: limit })
          await acquaintance.greet(peer, limit)
          return known.manifest
        } catch (thrown) {
          checkAborted(signal)
          failures.push(PeergradError.from(thrown))
        }
      }
      const refusal = failures.find(({ code }) => code === 'refused')
      if (refusal !== undefined) throw refusal
      // the limit may come first: then it is over
      if (tries + 1 < TRIES) await pause(clock, PAUSE * (tries + 1), limit).catch(() => checkAborted(signal))
    }
    throw new PeergradError(
      'unreachable',
      `no peer of the run answered at ${join.join(', ')}: ${failures.map(({ message }) => message).join('; ')}; ` +
        'check that the first peer runs and that its address can be reached from here'
    )
  }

  /** Waits for the peers of the run, and tells them where it begins. */
  async #found(signal: AbortSignal): Promise<void> {
    const { resumed, known, ask, acquaintance } = this.#init
    const founding = resumed === undefined ? await this.#first(signal) : await this.#again(signal, resumed)
    const { lineage, run } = known
    const { state } = founding
    const view = { ...founding.view, members: [...founding.view.members] }
    // one that cannot be told any more is missed by the first round, like any other that goes
    await Promise.allSettled(
      founding.view.members
        .filter((peer) => acquaintance.isReady(peer))
        .map((peer) => ask(peer, { kind: 'found', run, lineage, view, state }, { deadline: 5000, signal }))
    )
    this.#founded.resolve(founding)
  }

  /** Once this peer is the founder, and has all others. */
  async #first(signal: AbortSignal): Promise<Founding> {
    const { mesh, acquaintance, known, join } = this.#init
    const others = known.manifest.peers - 1
    const may = () => known.lineage.founder === mesh.self && (join.length === 0 || !this.#stopped)
    while (!may() || acquaintance.ready.length < others) {
      if (may()) this.#waits(acquaintance.ready.length + 1, others + 1)
      await this.#somebody(signal)
    }
    this.#waits(others + 1, others + 1)
    return { view: { number: 0, members: [mesh.self, ...acquaintance.ready.slice(0, others)] }, state: null }
  }

  /** Whether the run had begun and was stopped: who calls it together again has a checkpoint. */
  get #stopped(): boolean {
    const { resumed, acquaintance } = this.#init
    return resumed !== undefined || acquaintance.ready.some((peer) => acquaintance.resumedBy(peer) !== null)
  }

  /** The founder did not come back: the others take up this peer's founding, or it takes up theirs. */
  #succeed(): void {
    const { acquaintance, greetings } = this.#init
    if (this.#stopped) return
    acquaintance.succeed()
    void greetings.greetAll()
  }

  /** All members of the view in which the run stopped, or a majority of them once the rest had a deadline's time. */
  async #again(signal: AbortSignal, { view, state }: NonNullable<GatheringInit['resumed']>): Promise<Founding> {
    const { mesh, clock, acquaintance, known } = this.#init
    const here = () => view.members.filter((peer) => peer === mesh.self || acquaintance.isReady(peer))
    const waits = () => this.#waits(here().length, view.members.length)
    while (here().length < quorum(view.members.length)) {
      waits()
      await this.#somebody(signal)
    }
    const late = deferred<void>()
    const cancel = clock.after(known.manifest.deadline, late.resolve)
    let waited = false
    void late.promise.then(() => (waited = true))
    while (here().length < view.members.length && !waited) {
      waits()
      await Promise.race([late.promise, this.#somebody(signal)])
    }
    cancel()
    waits()
    const states = here().map((peer) => (peer === mesh.self ? state : acquaintance.resumedBy(peer)))
    return { view, state: mostCommon(states.filter((each) => each !== null)) }
  }

  /** Whoever never had to wait has nothing to say. */
  #waits(here: number, expected: number): void {
    if (here === this.#told || (this.#told === 0 && here >= expected)) return
    this.#told = here
    this.#init.onWaiting?.({ here, expected })
  }

  async #somebody(signal: AbortSignal): Promise<void> {
    const somebody = deferred<void>()
    const off = this.#init.onReady(() => somebody.resolve())
    try {
      await orAborted(somebody.promise, signal)
    } finally {
      off()
    }
  }

  #tooFew(deadline: number): PeergradError {
    const { acquaintance, resumed, known } = this.#init
    const here = acquaintance.ready.length + 1
    const expected = resumed?.view.members.length ?? known.manifest.peers
    return new PeergradError(
      'timeout',
      `got ${here} of ${expected} peers within ${Math.round(deadline / 1000)} s; ` +
        'start the others with the join command of this peer, or ask for fewer with --peers',
      { here, expected }
    )
  }
}

/** The state that most peers come back with; of several the furthest. */
function mostCommon(states: readonly StateName[]): StateName {
  const count = ({ hash }: StateName) => states.filter((each) => each.hash === hash).length
  return [...states].sort((a, b) => count(b) - count(a) || b.round - a.round || (a.hash < b.hash ? -1 : 1))[0]
}
