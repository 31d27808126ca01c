import type { Beat, Lineage, PeerId, View } from '@peergrad/core'
import type { DataPlan } from './data-plan.js'
import { GivenState } from './given-state.js'
import type { PeerParts } from './peer-parts.js'
import { Pulse } from './pulse.js'
import { StateBook, type Judgement } from './state-book.js'
import type { Here } from './standing.js'
import type { Donation } from './state-sync.js'

const NOWHERE = { round: 0, hash: '0'.repeat(64), plan: '0'.repeat(16) }

/** The state of this peer among those of the others: it says its own in beats, and holds it against a majority's. */
export class Presence {
  readonly #parts: PeerParts
  readonly #book = new StateBook()
  readonly #pulse: Pulse
  readonly #differs: (here: Here) => void
  readonly #self: PeerId
  /** the state, while others gave it and it is not proved to be right */
  #given: GivenState | undefined
  /** peers whose state turned out to be wrong */
  readonly #distrusted = new Set<PeerId>()
  #confirmed = false

  /** `differs` is called when a majority is in another state than this peer; `onBeat` with each beat of the others. */
  constructor(
    parts: PeerParts,
    { differs, onBeat }: { differs: (here: Here) => void; onBeat: (peer: PeerId, beat: Beat) => void }
  ) {
    this.#parts = parts
    this.#differs = differs
    const { swarm, clock } = parts.init
    this.#self = swarm.mesh.self
    this.#pulse = new Pulse({
      mesh: swarm.mesh,
      clock,
      members: () => parts.roster.view.members.length,
      own: () => this.#beat(),
      onBeat
    })
  }

  /** Undefined before there is a state, and while one is taken. */
  get here(): Here | undefined {
    return this.#parts.standing.here
  }

  /** false until a majority has the same state as this peer */
  get confirmed(): boolean {
    return this.#confirmed
  }

  get distrusted(): ReadonlySet<PeerId> {
    return this.#distrusted
  }

  /** This peer has a state again, which these gave; nobody did when it made or resumed it itself. */
  enter(
    view: View,
    { plan, lineage }: { readonly plan: DataPlan; readonly lineage: Lineage },
    donors: readonly PeerId[] = []
  ): void {
    const { standing, roster, model, init } = this.#parts
    const given = { donors, round: model.round, now: init.clock.now(), self: this.#self }
    this.#given = donors.length === 0 ? undefined : new GivenState(given)
    standing.begin(plan, lineage)
    roster.enter(view)
    this.arrive()
    if (donors.length === 0) this.#confirm()
  }

  /** This peer is in a new state, of which everything fits together. */
  arrive(): void {
    const { standing, roster, init } = this.#parts
    this.#book.enter(standing.arrive(roster.view), init.clock.now())
    this.#pulse.beat()
  }

  /** The state is no good: nobody need wait for this peer, and those who gave it are asked last from now on. */
  lose(): void {
    this.#parts.standing.clear()
    this.#book.lose()
    this.#confirmed = false
    this.#pulse.beat()
    this.distrust(this.#given?.donors ?? [])
    this.#given = undefined
  }

  /** These gave, or offered, a state that is wrong. */
  distrust(peers: readonly PeerId[]): void {
    for (const peer of peers) this.#distrusted.add(peer)
  }

  /** Takes down what another peer says of itself. Returns whether it has caught up with this one. */
  heard(from: PeerId, beat: Beat): boolean {
    this.#book.record(from, beat)
    return beat.confirmed && this.#book.upToDate(from, this.#parts.init.clock.now())
  }

  /** What a peer said that is gone. */
  forget(peer: PeerId): void {
    this.#book.forget(peer)
  }

  /** The round that the peer said last that it is in, −1 before it said any. */
  round(peer: PeerId): number {
    return this.#book.round(peer)
  }

  /** Whether the peer was in the same state in the last round that both were in; undefined when there is none. */
  agrees(peer: PeerId): boolean | undefined {
    return this.#book.agrees(peer)
  }

  /** Whether others gave the state and it is not proved to be right. */
  get isGiven(): boolean {
    return this.#given !== undefined
  }

  /** Who says in beats that it was in the state of a donation. */
  witnesses({ round, hash, lineage, view, position: data, step }: Donation): readonly PeerId[] {
    const plan = this.#parts.standing.digest({ lineage, view, data, step })
    return this.#book.witnesses({ round, hash, plan })
  }

  /** Holds the own state against those of a majority. */
  compare(): Judgement | undefined {
    const { here } = this
    if (here === undefined) return undefined
    const verdict = this.#verdict(here)
    if (verdict === 'same' && !this.#confirmed) this.#confirm()
    if (verdict === 'differs') this.#differs(here)
    return verdict
  }

  close(): void {
    this.#pulse.close()
  }

  #verdict({ view: { members } }: Here): Judgement | undefined {
    const book = this.#book
    if (this.#given === undefined) return book.verdict(members, this.#self)
    const { roster, init } = this.#parts
    const said = {
      book,
      members,
      here: members.filter((peer) => peer !== this.#self && !roster.suspects(peer)),
      outside: book.confirmed.filter((peer) => !members.includes(peer) && init.swarm.isReady(peer)),
      now: init.clock.now()
    }
    const verdict = this.#given.verdict(said)
    if (this.#given.isProved(said)) this.#given = undefined
    return verdict
  }

  #confirm(): void {
    this.#confirmed = true
    this.#pulse.beat()
  }

  #beat(): Beat {
    const { here } = this
    const { round, hash, plan } = here ?? NOWHERE
    return { stateful: here !== undefined, confirmed: this.#confirmed, round, hash, plan }
  }
}
