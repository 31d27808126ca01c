import { PeergradError, type PeerId } from '@peergrad/core'
import type { Entry } from './entry.js'
import type { PeerOutcome } from './peer-init.js'
import type { PeerParts } from './peer-parts.js'
import type { Presence } from './presence.js'
import { RoundEnd } from './round-end.js'
import type { RoundServices } from './round-services.js'
import { Round, type RoundInit } from './round.js'
import type { Here } from './standing.js'

/** Milliseconds that an answer about a round may take, at most, and as a share of the deadline. */
const ANSWER = { most: 2000, share: 0.25 }
/** Ends a round in which this peer only followed, to begin it again with a vote. */
const MAY_VOTE = new PeergradError('aborted', 'this peer may vote now')

/** Round after round to the end of the run, and the way back in between for a peer that fell behind. */
export class Rounds {
  readonly #parts: PeerParts
  readonly #presence: Presence
  readonly #entry: Entry
  readonly #end: RoundEnd
  readonly #services: RoundServices
  readonly #self: PeerId
  /** whom the run goes on without, as the strategy wants it */
  readonly #retired = new Set<PeerId>()
  #current: Round | undefined
  /** the next attempt of the last round, should it be begun again */
  #next = { round: 0, attempt: 0 }
  #stranded: PeergradError | undefined

  constructor(parts: PeerParts, presence: Presence, entry: Entry) {
    this.#parts = parts
    this.#presence = presence
    this.#entry = entry
    this.#end = new RoundEnd(parts, presence)
    this.#services = servicesOf(parts)
    this.#self = parts.init.swarm.mesh.self
  }

  /** The round in hand. */
  get current(): Round | undefined {
    return this.#current
  }

  get retired(): Set<PeerId> {
    return this.#retired
  }

  /** Why the run cannot go on with those that are here, when that is so. */
  get stranded(): PeergradError | undefined {
    return this.#stranded
  }

  /** Mean training loss of the last round. */
  get trainingLoss(): number | undefined {
    return this.#end.trainingLoss
  }

  /** `run` ends as stranded, once its signal aborts. */
  strand(error: PeergradError): void {
    this.#stranded = error
  }

  /** A majority is in another state than this peer's: the state is taken anew, after the last round the peer ends. */
  diverged(round: number): void {
    if (this.#current === undefined) return
    this.#parts.init.emit({ type: 'diverged', round })
    this.#current.overtaken()
    this.#current = undefined
  }

  /** Error `conflict` when a majority was in another state than this peer's at the end of its last round. */
  checkShared(): void {
    if (this.#current !== undefined) return
    const message =
      'the last round ended in another state here than at a majority of the peers: the model of this peer is not that of the ' +
      'run; take that of another peer'
    throw new PeergradError('conflict', message)
  }

  /** `ends` aborts when the peer leaves or stops: nothing more is waited for that only others can bring. */
  async run(signal: AbortSignal, ends: AbortSignal): Promise<PeerOutcome['status']> {
    const { roster } = this.#parts
    for (;;) {
      if (this.#retired.has(this.#self) || (ends.aborted && !roster.isMember(this.#self))) return 'left'
      try {
        this.#checkFounding()
        const finish = await this.#oneRound(signal, ends)
        this.#checkFounding()
        if (finish) return 'finished'
      } catch (thrown) {
        if (this.#stranded !== undefined) return 'stranded'
        const error = PeergradError.from(thrown)
        if (ends.aborted && error.code === 'aborted') return 'left'
        if (error === MAY_VOTE) continue
        if (!this.#isBehind(error)) throw error
        // this peer fell too far behind, or holds another model, or its database lost it
        this.#current = undefined
        await this.#entry.takeState(AbortSignal.any([signal, ends]))
      }
    }
  }

  /** Two halves of the run may have met at any time, also while the state was taken or stepped. */
  #checkFounding(): void {
    if (this.#parts.standing.foreign)
      throw new PeergradError('conflict', 'the state is of a founding that was given up: it must be taken anew')
  }

  /** Whether the others may have the state that this peer lost. The mistake of a plug-in they make too. */
  #isBehind({ code, data }: PeergradError): boolean {
    if (data.plugin !== undefined) return false
    // who gave the state may have seen to it that no step can be made from it
    if (code === 'non-finite') return this.#presence.isGiven
    return code === 'conflict' || (code === 'missing' && (this.#presence.here?.view.members.length ?? 1) > 1)
  }

  /** True when it was the last. */
  async #oneRound(signal: AbortSignal, ends: AbortSignal): Promise<boolean> {
    const { init, catcher } = this.#parts
    const { clock } = init
    const start = clock.now()
    const { round, view } = this.#presence.here as Here
    const member = view.members.includes(this.#self)
    const until = member ? this.#entry.followsUntil(round) : undefined
    const current = new Round(this.#services, this.#initOf(member && until === undefined))
    this.#current = current
    const cancel = until === undefined ? () => {} : clock.after(until - clock.now(), () => current.give(MAY_VOTE))
    try {
      const running = current.run(member ? signal : AbortSignal.any([signal, ends]))
      catcher.enter(current, this.#ahead(round))
      const result = await running
      await this.#end.apply(current, result, start)
      const { finish, retired } = result.decision.proposal
      for (const peer of retired) this.#retired.add(peer)
      if (!finish && this.#current !== current)
        throw new PeergradError('conflict', `round ${round} ended in another state here: it must be taken anew`)
      return finish
    } finally {
      this.#next = { round, attempt: current.attempt }
      cancel()
    }
  }

  #initOf(votes: boolean): RoundInit {
    const { model, standing, roster, exclusions, refuse, learningRate } = this.#parts
    const { round, view } = this.#presence.here as Here
    return {
      round,
      view,
      state: model.key,
      minibatches: standing.minibatches(this.#self),
      samples: (peer) => standing.samples(peer),
      training: () => standing.training(),
      steps: model.step,
      learningRate,
      votes,
      remembers: () => this.#entry.remembers(round),
      minimum: () => roster.minimum(),
      next: () => this.#end.next(),
      plausible: (proposal) => roster.supports(proposal),
      opposed: () => roster.putOff(),
      last: standing.last,
      behind: () => this.#ahead(round).length > 0,
      whole: () => !view.members.some((peer) => peer !== this.#self && roster.suspects(peer)),
      life: this.#entry.life,
      attempt: this.#next.round === round ? this.#next.attempt : 0,
      exclusions,
      refuse
    }
  }

  /** Members that said that they are in a later round. */
  #ahead(round: number): PeerId[] {
    return this.#parts.roster.view.members.filter((peer) => this.#presence.round(peer) > round)
  }
}

function servicesOf({ init, own, lasting, vectors, roster, expelled, journal }: PeerParts): RoundServices {
  const { engine, store, strategy, aggregator, trials, preAggregators, filter, clock, swarm } = init
  const deadline = Math.min(ANSWER.most, ANSWER.share * swarm.manifest.deadline)
  return {
    // the founding may change, when two halves meet
    get run() {
      return swarm.scope
    },
    manifest: swarm.manifest,
    self: swarm.mesh.self,
    engine,
    store,
    strategy,
    aggregator,
    ...(trials && { trials }),
    ...(preAggregators && { preAggregators }),
    ...(filter && { filter }),
    own,
    lasting,
    clock,
    vectors,
    send: (message) => swarm.send(message),
    tell: (peer, message) => swarm.tell(peer, message),
    ask: (peer, question) => swarm.ask(peer, { ...question, run: swarm.run }, { deadline }),
    links: () => swarm.mesh.links(),
    connected: () => swarm.mesh.connected(),
    open: (envelope) => swarm.mesh.open(envelope),
    sha256: (text) => swarm.sha256(text),
    lost: (peer) => roster.isLost(peer) || expelled.has(peer),
    onPhase: (number, phase) => journal.phase(number, phase)
  }
}
