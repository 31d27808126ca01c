import { Emitter, PeergradError, quorum, type Clock, type PeerId, type View } from '@peergrad/core'
import { FailureDetector } from './failure-detector.js'
import type { Swarm } from './swarm.js'

/** Milliseconds that a closed connection may take to come back. */
const RECONNECT = 500
/** Milliseconds of silence after which a connected peer is suspected. */
export const SILENCE = 10_000

interface RosterEvents extends Record<string, unknown> {
  view: View
  suspect: { readonly peer: PeerId; readonly reason: string }
  trust: { readonly peer: PeerId }
  /** fewer than a majority of the view are here, or a majority again */
  paused: { readonly reason: string }
  resumed: { readonly reason: string }
  /** no majority for as long as the run's patience lasts */
  stranded: { readonly error: PeergradError }
}

/** Who is in the view, who is suspected, and who waits to be taken in. */
export class Roster extends Emitter<RosterEvents> {
  readonly #swarm: Swarm
  readonly #clock: Clock
  readonly #patience: number
  readonly #detector: FailureDetector
  readonly #newcomers = new Set<PeerId>()
  readonly #off: (() => void)[]
  #view: View = { number: 0, members: [] }
  #cancelPatience: (() => void) | undefined
  #leaving = false

  constructor({ swarm, clock, patience }: { swarm: Swarm; clock: Clock; patience: number }) {
    super()
    this.#swarm = swarm
    this.#clock = clock
    this.#patience = patience
    this.#detector = new FailureDetector({ mesh: swarm.mesh, clock, reconnect: RECONNECT, silence: SILENCE })
    this.#off = [
      swarm.on('ready', () => this.#admit()),
      swarm.mesh.on('disconnect', ({ peer }) => this.#newcomers.delete(peer)),
      this.#detector.on('suspect', (suspicion) => {
        this.emit('suspect', suspicion)
        this.#count()
      }),
      this.#detector.on('trust', (trust) => {
        this.emit('trust', trust)
        this.#count()
      })
    ]
  }

  get view(): View {
    return this.#view
  }

  isMember(peer: PeerId): boolean {
    return this.#view.members.includes(peer)
  }

  suspects(peer: PeerId): boolean {
    return this.#detector.suspects(peer)
  }

  /** A sign of life. */
  heard(peer: PeerId): void {
    this.#detector.heard(peer)
  }

  /** The peer said that it goes. */
  leaves(peer: PeerId): void {
    this.#newcomers.delete(peer)
    this.#detector.leaves(peer)
  }

  /** This peer goes: it proposes no view with itself in it. */
  leave(): void {
    this.#leaving = true
  }

  /** A peer outside the view has the state of the run. */
  caughtUp(peer: PeerId): void {
    if (!this.isMember(peer) && this.#swarm.isReady(peer)) this.#newcomers.add(peer)
  }

  enter(view: View): void {
    const gone = this.#view.members.filter((peer) => !view.members.includes(peer))
    for (const peer of gone) this.#detector.forget(peer)
    this.#view = view
    for (const peer of view.members) {
      this.#newcomers.delete(peer)
      if (peer !== this.#swarm.mesh.self) this.#detector.watch(peer)
    }
    this.#admit()
    this.emit('view', view)
    this.#count()
  }

  /** The view after a decision, if the decision changed it. */
  next(members: readonly PeerId[]): void {
    const { members: before, number } = this.#view
    if (members.length === before.length && members.every((peer, index) => peer === before[index])) return
    this.enter({ number: number + 1, members })
  }

  /** What this peer would make the next view: members that are not suspected, then newcomers that have the state. */
  proposal(): PeerId[] {
    const self = this.#swarm.mesh.self
    const stay = this.#view.members.filter((peer) => !this.suspects(peer) && !(this.#leaving && peer === self))
    const newcomers = [...this.#newcomers].sort()
    return stay.length + newcomers.length > 0 ? [...stay, ...newcomers] : [...this.#view.members]
  }

  close(): void {
    for (const off of this.#off) off()
    this.#cancelPatience?.()
    this.#detector.close()
  }

  #admit(): void {
    this.#swarm.mesh.admit([...new Set([...this.#view.members, ...this.#swarm.ready])])
  }

  /** A minority cannot decide: it says so, and gives up when its patience is over. */
  #count(): void {
    const { members } = this.#view
    const here = members.filter((peer) => !this.suspects(peer)).length
    const needed = quorum(members.length)
    if (here >= needed) {
      if (this.#cancelPatience === undefined) return
      this.#cancelPatience()
      this.#cancelPatience = undefined
      this.emit('resumed', { reason: `${here} of ${members.length} peers are here again` })
    } else if (this.#cancelPatience === undefined) {
      const reason = `${here} of ${members.length} peers are here, a majority is ${needed}`
      const message = `${reason}, and none came back within ${Math.round(this.#patience / 1000)} s`
      const stranded = () => this.emit('stranded', { error: new PeergradError('quorum', message, { here, needed }) })
      this.#cancelPatience = this.#clock.after(this.#patience, stranded)
      this.emit('paused', { reason })
    }
  }
}
