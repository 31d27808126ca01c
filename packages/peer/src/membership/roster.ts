import {
  Emitter,
  PeergradError,
  quorum,
  type Clock,
  type ControlMessage,
  type PeerId,
  type Proposal,
  type View
} from '@peergrad/core'
import { FailureDetector } from './failure-detector.js'
import { Suspicions } from './suspicions.js'
import type { Swarm } from './swarm.js'

/** Milliseconds between two times that this peer says whom it suspects: gossip may lose a message. */
const REPEAT = 500
/**
 * Milliseconds that a round has to come to its end by itself when members leave without whom there is no majority. They
 * vote for a second at most.
 */
const HURRY = 400
/** Milliseconds in which those can meet a newcomer that had not: the first time, and, doubled each time, at the most. */
const MEET = { first: 1000, most: 30_000 }

interface RosterEvents extends Record<string, unknown> {
  view: View
  /** opinions of this peer */
  suspect: { readonly peer: PeerId; readonly reason: string }
  trust: { readonly peer: PeerId }
  /** a quorum suspects the member, or it left; and no longer */
  lost: { readonly peer: PeerId; readonly reason: string }
  regained: { readonly peer: PeerId }
  /** fewer peers than the run needs are here, or enough again */
  paused: { readonly reason: string }
  resumed: { readonly reason: string }
  /** members leave, and without their voices there is no majority: the view must change before they are gone */
  hurried: object
  /** the run cannot go on: too few for as long as its patience lasts, or a loss that is to end it */
  stranded: { readonly error: PeergradError }
}

export interface RosterInit {
  readonly swarm: Swarm
  readonly clock: Clock
  /** milliseconds that too few peers are waited for */
  readonly patience: number
  /** contributions that the rule needs, at the least */
  readonly takes: number
}

type SuspicionMessage = Extract<ControlMessage, { kind: 'suspicions' }>

/**
 * Who is in the view, who is suspected and who is lost, and who waits to be taken in. A suspicion is one peer's
 * opinion and is told to all; only a quorum of them makes a loss, so that one bad link costs nobody its place.
 */
export class Roster extends Emitter<RosterEvents> {
  readonly #swarm: Swarm
  readonly #clock: Clock
  readonly #patience: number
  readonly #takes: number
  readonly #detector: FailureDetector
  readonly #suspicions = new Suspicions()
  readonly #newcomers = new Set<PeerId>()
  /** whom too few others have met, for how long they are not proposed again, and until when */
  readonly #putOff = new Map<PeerId, { readonly pause: number; readonly until: number }>()
  readonly #left = new Set<PeerId>()
  /** members that are proved to lie */
  readonly #excluded = new Set<PeerId>()
  readonly #lost = new Set<PeerId>()
  readonly #off: (() => void)[]
  #view: View = { number: 0, members: [] }
  #members: ReadonlySet<PeerId> = new Set()
  #number = 0
  #cancelPatience: (() => void) | undefined
  #cancelRepeat: (() => void) | undefined
  #cancelHurry: (() => void) | undefined
  /** the time is over that the round in hand had for its end */
  #hurries = false
  #leaving = false

  constructor({ swarm, clock, patience, takes }: RosterInit) {
    super()
    this.#swarm = swarm
    this.#clock = clock
    this.#patience = patience
    this.#takes = takes
    this.#detector = new FailureDetector({ mesh: swarm.mesh, clock, begin: swarm.manifest.deadline })
    this.#off = [
      swarm.on('ready', () => this.#admit()),
      swarm.mesh.on('disconnect', ({ peer }) => {
        this.#newcomers.delete(peer)
        this.#suspicions.forget(peer)
      }),
      this.#detector.on('suspect', (suspicion) => {
        this.emit('suspect', suspicion)
        this.#opinion()
      }),
      this.#detector.on('trust', (trust) => {
        this.emit('trust', trust)
        this.#opinion()
      })
    ]
  }

  get view(): View {
    return this.#view
  }

  isMember(peer: PeerId): boolean {
    return this.#members.has(peer)
  }

  /** An opinion of this peer. */
  suspects(peer: PeerId): boolean {
    return this.#detector.suspects(peer)
  }

  /** A quorum of the view suspects the member, or it left. */
  isLost(peer: PeerId): boolean {
    return this.#lost.has(peer)
  }

  /** Peers outside the view that have the state of the run. */
  get newcomers(): readonly PeerId[] {
    return [...this.#newcomers].sort()
  }

  /** A sign of life. */
  heard(peer: PeerId): void {
    this.#detector.heard(peer)
  }

  /** A beat. `caughtUp`: its sender has the state that the members are in. */
  beat(peer: PeerId, { stateful, caughtUp }: { stateful: boolean; caughtUp: boolean }): void {
    this.#detector.beat(peer, stateful)
    const waits = (this.#putOff.get(peer)?.until ?? 0) > this.#clock.now()
    if (caughtUp && !waits && !this.isMember(peer) && this.#swarm.isReady(peer)) this.#newcomers.add(peer)
    else this.#newcomers.delete(peer)
  }

  /** The others do not support a view with the newcomers: perhaps too few have met them. */
  putOff(): void {
    const now = this.#clock.now()
    for (const [peer, { until }] of this.#putOff) if (until + MEET.most < now) this.#putOff.delete(peer)
    for (const peer of this.#newcomers) {
      const before = this.#putOff.get(peer)?.pause
      const pause = before === undefined ? MEET.first : Math.min(2 * before, MEET.most)
      this.#putOff.set(peer, { pause, until: now + pause })
    }
    this.#newcomers.clear()
  }

  /** What a member said of whom it suspects. */
  suspicions(from: PeerId, { number, peers }: SuspicionMessage): void {
    if (!this.isMember(from)) return
    this.#suspicions.record(from, number, peers)
    this.#judge()
  }

  /** The peer said that it goes. */
  leaves(peer: PeerId): void {
    this.#newcomers.delete(peer)
    if (!this.isMember(peer)) return
    this.#left.add(peer)
    this.#detector.leaves(peer)
    this.#judge()
    this.#cancelHurry ??= this.#clock.after(HURRY, () => {
      this.#cancelHurry = undefined
      this.#hurries = true
      this.emit('hurried', {})
    })
  }

  /** The member is proved to lie: it is lost whatever it does, and nobody waits for it to come back. */
  exclude(peer: PeerId): void {
    this.#newcomers.delete(peer)
    if (!this.isMember(peer)) return
    this.#excluded.add(peer)
    this.#judge()
  }

  /** This peer goes: it proposes no view with itself in it. */
  leave(): void {
    this.#leaving = true
  }

  /** The view that comes with a state: who left before may have come back in views that this peer missed. */
  enter(view: View): void {
    const { members } = this.#view
    this.#turn(
      view,
      members.filter((peer) => !view.members.includes(peer) || this.#left.has(peer))
    )
  }

  /** The view after a decision, if the decision changed it. */
  next(members: readonly PeerId[]): void {
    const { members: before, number } = this.#view
    if (members.length === before.length && members.every((peer, index) => peer === before[index])) return
    this.#turn(
      { number: number + 1, members },
      before.filter((peer) => !members.includes(peer))
    )
  }

  #turn(view: View, gone: readonly PeerId[]): void {
    for (const peer of gone) {
      this.#detector.forget(peer)
      this.#left.delete(peer)
      this.#excluded.delete(peer)
      this.#lost.delete(peer)
    }
    // one that left after this view was proposed is still in it, and votes no longer for that
    if (this.#left.size === 0) {
      this.#cancelHurry?.()
      this.#cancelHurry = undefined
      this.#hurries = false
    }
    this.#view = view
    this.#members = new Set(view.members)
    this.#swarm.settle(view.members)
    for (const peer of this.#newcomers) if (!this.#swarm.isReady(peer)) this.#newcomers.delete(peer)
    this.#suspicions.retain(view.members)
    for (const peer of view.members) {
      this.#newcomers.delete(peer)
      this.#putOff.delete(peer)
      if (peer !== this.#swarm.mesh.self) this.#detector.watch(peer)
    }
    this.#admit()
    this.emit('view', view)
    this.#opinion()
  }

  /** What this peer would make the next view: members that are not lost, then newcomers that have the state. */
  proposal(): PeerId[] {
    const self = this.#swarm.mesh.self
    const goes = (peer: PeerId) => (this.#waits ? this.#gone(peer) : this.isLost(peer))
    const stay = this.#view.members.filter((peer) => !goes(peer) && !(this.#leaving && peer === self))
    return stay.length + this.#newcomers.size > 0 ? [...stay, ...this.newcomers] : [...this.#view.members]
  }

  /**
   * Contributions without which no round is made, with those that wait to be taken in counted as here. 0: better a round
   * without any, now.
   */
  minimum(): number {
    const { members } = this.#view
    const expected = members.filter((peer) => !this.#gone(peer)).length
    const staying = this.#leaving ? expected - 1 : expected
    const some = staying + this.#newcomers.size > 0
    if (this.#hurries && some && staying < quorum(members.length)) return 0
    // the rule has enough of them once those that wait are in the view, in the place of who is gone
    const here = members.filter((peer) => !this.isLost(peer)).length
    if (!this.#waits && here < this.#takes && here < members.length && this.#newcomers.size > 0) return 0
    return this.#least(expected, this.#newcomers.size)
  }

  /**
   * Whether this peer would propose as much, by what it knows: enough contributions, and a next view that only those leave
   * that are gone, and only those come to that it has met.
   */
  supports({ contributions, members: next, retired, evidence }: Proposal): boolean {
    const stays = new Set(next)
    const sent = new Set([...retired, ...evidence.map(({ peer }) => peer)])
    const { members } = this.#view
    const newcomers = next.filter((peer) => !this.isMember(peer))
    const expected = members.filter((peer) => stays.has(peer) && !this.#gone(peer)).length
    return (
      members.every((peer) => stays.has(peer) || sent.has(peer) || this.#mayGo(peer)) &&
      newcomers.every((peer) => this.#swarm.hasMet(peer)) &&
      (contributions.length === 0 || contributions.length >= this.#least(expected, newcomers.length))
    )
  }

  close(): void {
    for (const off of this.#off) off()
    this.#cancelPatience?.()
    this.#cancelRepeat?.()
    this.#cancelHurry?.()
    this.#detector.close()
  }

  /** It will not be back, and that is no failure. */
  #gone(peer: PeerId): boolean {
    return this.#left.has(peer) || this.#excluded.has(peer)
  }

  #reason(peer: PeerId): string {
    if (this.#excluded.has(peer)) return 'it is excluded'
    if (this.#left.has(peer)) return 'it left'
    return `a majority of ${this.#view.members.length} peers suspects it`
  }

  /** Whether a view may be without the member, as far as this peer knows. */
  #mayGo(peer: PeerId): boolean {
    if (this.#gone(peer) || (this.#leaving && peer === this.#swarm.mesh.self)) return true
    return !this.#waits && (this.isLost(peer) || this.suspects(peer))
  }

  /** Contributions without which no round is made, of so many members and newcomers. */
  #least(members: number, newcomers: number): number {
    if (this.#waits) return Math.max(this.#takes, members)
    return Math.max(this.#takes, Math.max(quorum(members), this.#swarm.manifest.minPeers) - newcomers)
  }

  get #waits(): boolean {
    return this.#swarm.manifest.onFailure === 'wait'
  }

  /** Peers that must be here for the run to go on. */
  get #needed(): number {
    const { members } = this.#view
    const { minPeers } = this.#swarm.manifest
    if (this.#waits) return Math.max(this.#takes, members.filter((peer) => !this.#gone(peer)).length)
    return Math.max(quorum(members.length), minPeers, this.#takes)
  }

  #admit(): void {
    this.#swarm.mesh.admit([...new Set([...this.#view.members, ...this.#swarm.ready])])
  }

  /** The own opinion of somebody changed, or the view did. */
  #opinion(): void {
    this.#number += 1
    this.#say()
    this.#judge()
  }

  #say(): void {
    const { mesh, scope: run } = this.#swarm
    const peers = this.#view.members.filter((peer) => this.suspects(peer))
    this.#cancelRepeat?.()
    this.#cancelRepeat = undefined
    this.#suspicions.record(mesh.self, this.#number, peers)
    // the first view begins without a doubt
    if (this.#number > 1) this.#swarm.send({ kind: 'suspicions', run, number: this.#number, peers })
    if (peers.length > 0) this.#cancelRepeat = this.#clock.after(REPEAT, () => this.#say())
  }

  #judge(): void {
    const { members } = this.#view
    for (const peer of members) {
      const lost = this.#gone(peer) || this.#suspicions.agreed(peer, members)
      if (lost === this.#lost.has(peer)) continue
      if (lost) this.#lose(peer)
      else {
        this.#lost.delete(peer)
        this.emit('regained', { peer })
      }
    }
    this.#count()
  }

  #lose(peer: PeerId): void {
    const gone = this.#gone(peer)
    const reason = this.#reason(peer)
    this.#lost.add(peer)
    this.emit('lost', { peer, reason })
    if (gone || this.#swarm.manifest.onFailure !== 'abort') return
    const message = `${peer} was lost (${reason}), and --on-failure is abort; resume the run from the checkpoint`
    this.emit('stranded', { error: new PeergradError('quorum', message, { peer }) })
  }

  /** Too few cannot go on: this peer says so, and gives up when its patience is over. */
  #count(): void {
    const { members } = this.#view
    const here = members.filter((peer) => !this.suspects(peer)).length
    const needed = this.#needed
    if (here >= needed) {
      if (this.#cancelPatience === undefined) return
      this.#cancelPatience()
      this.#cancelPatience = undefined
      this.emit('resumed', { reason: `${here} of ${members.length} peers are here again` })
    } else if (this.#cancelPatience === undefined) {
      const reason = `${here} of ${members.length} peers are here, ${needed} are needed (${this.#why(needed)})`
      const message = `${reason}, and none came back within ${Math.round(this.#patience / 1000)} s`
      const stranded = () => this.emit('stranded', { error: new PeergradError('quorum', message, { here, needed }) })
      this.#cancelPatience = this.#clock.after(this.#patience, stranded)
      this.emit('paused', { reason })
    }
  }

  #why(needed: number): string {
    if (this.#takes === needed) return 'the rule and what is before it'
    if (this.#waits) return '--on-failure wait'
    return needed > quorum(this.#view.members.length) ? '--min-peers' : 'a majority'
  }
}
