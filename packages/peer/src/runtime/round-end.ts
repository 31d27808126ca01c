import { PeergradError, type Digest, type PeerId, type Proposal, type View } from '@peergrad/core'
import type { PeerParts } from './peer-parts.js'
import type { Presence } from './presence.js'
import { RoundHistory } from './round-history.js'
import type { Round, RoundResult } from './round.js'

/** Share of the store that what others still need may fill; then who is furthest behind must take the state anew. */
const ROOM = 0.75
/** Rounds that a member may be late and still find what was decided. */
const LATE = 64

/** What becomes of the run after a round: as this peer would propose it, and as it was decided. */
export class RoundEnd {
  readonly #parts: PeerParts
  readonly #presence: Presence
  readonly #history = new RoundHistory()
  #trainingLoss: number | undefined
  /** of the strategy */
  #fault: PeergradError | undefined

  constructor(parts: PeerParts, presence: Presence) {
    this.#parts = parts
    this.#presence = presence
  }

  /** Mean training loss of the last round. */
  get trainingLoss(): number | undefined {
    return this.#trainingLoss
  }

  /** What this peer would propose to become of the run after the round in hand. */
  next(): Omit<Proposal, 'contributions'> {
    const { roster, exclusions, standing } = this.#parts
    const view = roster.view
    const members = roster.proposal()
    const finish = standing.isLast()
    // nothing is spared by who would end with the others anyway
    const retired = finish ? [] : this.#spared(this.#retired(view), members)
    return {
      members: members.filter((peer) => !retired.includes(peer)),
      retired: view.members.filter((peer) => retired.includes(peer)),
      evidence: exclusions.against(view.members.filter((peer) => !members.includes(peer))),
      finish
    }
  }

  /** Whom the strategy can do without. The round goes on without its word when it throws, and this peer ends behind it. */
  #retired(view: View): readonly PeerId[] {
    try {
      return this.#parts.init.strategy.retire?.({ view, history: this.#history.records }) ?? []
    } catch (thrown) {
      this.#fault = PeergradError.from(thrown)
      return []
    }
  }

  /** Of those that the strategy can do without, the first that --min-peers and the rule can do without too. */
  #spared(wanted: readonly PeerId[], members: readonly PeerId[]): readonly PeerId[] {
    const { takes = () => true, swarm } = this.#parts.init
    const least = Math.max(1, swarm.manifest.minPeers)
    const here = wanted.filter((peer) => members.includes(peer))
    const go = here.findIndex((_, gone) => {
      const left = members.length - gone - 1
      return left < least || !takes(left)
    })
    return go < 0 ? here : here.slice(0, go)
  }

  /** Brings the model, the view and the data position to the next round. `start`: when the round began. */
  async apply(current: Round, { decision, outcome, attempts }: RoundResult, start: number): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault
    const { init, model, own, catcher, roster, journal, estimates } = this.#parts
    const { clock, swarm } = init
    const { round } = current
    const view = roster.view.number
    const { contributions, members } = decision.proposal
    await current.measure('update', () => model.update(outcome, contributions.length))
    await own.settle(current.own.isAmong(contributions))
    const floor = await this.#floor()
    catcher.decided(round, { decision, accepts: current.acceptsOf(decision) }, floor)
    roster.next(members)
    this.#presence.arrive()
    const samples = contributions.reduce((sum, contribution) => sum + contribution.samples, 0)
    const losses = contributions.reduce((sum, contribution) => sum + contribution.loss * contribution.samples, 0)
    // who made a step may be lost before it counts
    const loss = samples > 0 ? losses / samples : (this.#trainingLoss ?? 0)
    this.#trainingLoss = loss
    if (init.strategy.retire !== undefined)
      this.#history.add({ round, loss, members: current.init.view.members.length, milliseconds: clock.now() - start })
    journal.round({
      round,
      attempt: attempts - 1,
      view,
      contributors: contributions.map(({ peer }) => peer),
      samples,
      loss,
      seconds: (clock.now() - start) / 1000,
      phases: current.phases,
      steps: model.step,
      packed: current.own.packed,
      links: swarm.mesh.links(),
      parametersHash: model.hash as Digest
    })
    await estimates.afterRound(round, model.key)
    // a run with a target waits for it, so that the same round ends it every time
    if (swarm.manifest.targetAccuracy > 0) await estimates.settled()
    if (this.#presence.compare() === 'differs') return
    await this.#save()
    await model.forget(floor)
  }

  async #save(): Promise<void> {
    const { init, model, own, standing } = this.#parts
    const { checkpoints } = init
    if (checkpoints?.due(model.round) === true) await checkpoints.save(standing.position(), own.extra)
  }

  /** The first round that somebody who catches up still needs, as far as there is room to keep it. */
  async #floor(): Promise<number> {
    const { init, model, followers, roster } = this.#parts
    const { bytes, limit } = await init.store.usage()
    const now = model.round
    if (bytes > limit * ROOM) {
      followers.dropLast()
      return followers.floor(now)
    }
    // a member that is a little late must not have to take the whole state anew
    const { self } = init.swarm.mesh
    const members = roster.view.members.filter((peer) => peer !== self && !roster.isLost(peer))
    const late = members.map((peer) => this.#presence.round(peer)).filter((round) => round >= now - LATE)
    return Math.min(followers.floor(now), ...late)
  }
}
