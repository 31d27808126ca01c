import {
  canonical,
  PeergradError,
  type CheckpointPosition,
  type Digest,
  type Lineage,
  type Minibatch,
  type PeerId,
  type Strategy,
  type View
} from '@peergrad/core'
import { sameLineage } from '../membership/lineage.js'
import type { Swarm } from '../membership/swarm.js'
import { DataPlan, type DataPlanInit } from './data-plan.js'
import type { Estimates } from './estimates.js'
import type { Model } from './model.js'
import type { Donation } from './state-sync.js'

/** Where a peer is in the run: the state that a round starts from, of which everything fits together. */
export interface Here {
  readonly round: number
  readonly step: number
  readonly hash: Digest
  readonly view: View
  readonly data: CheckpointPosition['data']
  /** of lineage, view and data position: what else than the model must be the same at all, 16 hexadecimal digits */
  readonly plan: string
}

export interface StandingInit {
  readonly swarm: Swarm
  readonly model: Model
  readonly estimates: Estimates
  readonly strategy: Strategy
  readonly partition: DataPlanInit['partition']
}

/** Where this peer is in the run. */
export class Standing {
  readonly #init: StandingInit
  #lineage: Lineage | undefined
  #plan: DataPlan | undefined
  #here: Here | undefined

  constructor(init: StandingInit) {
    this.#init = init
  }

  /** Undefined before there is a state, and while one is taken. */
  get here(): Here | undefined {
    return this.#here
  }

  /** The state is no good any more. */
  clear(): void {
    this.#here = undefined
  }

  /** The state is of a founding that this peer has given up since. */
  get foreign(): boolean {
    return this.#lineage !== undefined && !sameLineage(this.#lineage, this.#init.swarm.lineage)
  }

  /** Goes on with a plan. `lineage`: of the founding that it is of. */
  begin(plan: DataPlan, lineage: Lineage): void {
    this.#plan = plan
    this.#lineage = lineage
  }

  /** The plan from a data position: the run's first, a checkpoint's, or a donor's. */
  plan(data: CheckpointPosition['data']): DataPlan {
    const { swarm, partition, strategy } = this.#init
    const { batch, seed } = swarm.manifest
    return new DataPlan({ seed, batch, minibatches: strategy.minibatches, partition }, data)
  }

  /** The plan that donors are in. Error `corrupt` when there is none to their word. */
  planOf(
    { position, round, view }: Pick<Donation, 'position' | 'round' | 'view'>,
    donors: readonly PeerId[]
  ): DataPlan {
    try {
      const plan = this.plan(position)
      if (plan.covers(round, view.members)) return plan
      throw new PeergradError('corrupt', `data position: got another one than that of round ${round} and its view`)
    } catch (cause) {
      // a partition may not deal to so many
      throw new PeergradError('corrupt', `donate: ${PeergradError.from(cause).message}`, { peers: donors }, { cause })
    }
  }

  /** The model has come to its next round, which this view makes. */
  arrive(view: View): Here {
    const { model } = this.#init
    const { round, step, hash } = model
    const plan = this.#required()
    if (hash === undefined) throw new PeergradError('internal', `round ${round}: there is no model state yet`)
    plan.advance(round, view.members)
    const data = plan.position
    this.#here = { round, step, hash, view, data, plan: this.digest({ lineage: this.#lineage, view, data, step }) }
    return this.#here
  }

  /** What beats say of all but the model. */
  digest(all: Pick<Here, 'view' | 'data' | 'step'> & { readonly lineage: Lineage | undefined }): string {
    return this.#init.swarm.sha256(canonical(all)).slice(0, 16)
  }

  minibatches(peer: PeerId): Minibatch[] {
    return this.#required().minibatches(this.#init.model.round, peer)
  }

  /** Samples of the list that the peer reads now. */
  samples(peer: PeerId): number {
    return this.#required().samples(peer)
  }

  /** Numbers of all training samples. */
  training(): Uint32Array {
    return this.#required().training()
  }

  /** Whether the round in hand is the last of the run. */
  isLast(): boolean {
    const { swarm, estimates } = this.#init
    return this.last ?? estimates.accuracy >= swarm.manifest.targetAccuracy
  }

  /** Whether the round in hand is the last one, as all must see it; undefined where each goes by the accuracy that it knows of. */
  get last(): boolean | undefined {
    const { swarm, model } = this.#init
    const { epochs, rounds, targetAccuracy } = swarm.manifest
    if (rounds > 0 && model.round + 1 >= rounds) return true
    const plan = this.#required()
    if (rounds === 0 && plan.epoch + 1 >= epochs && model.round + 1 >= plan.epochEnd) return true
    return targetAccuracy > 0 ? undefined : false
  }

  /** What a checkpoint of this state says. */
  position(): CheckpointPosition {
    const { swarm, estimates } = this.#init
    const { run, manifest } = swarm
    const lineage = this.#lineage
    if (this.#here === undefined || lineage === undefined)
      throw new PeergradError('internal', 'there is no state to save')
    const { round, hash, step, view, data } = this.#here
    const members = [...view.members]
    const { accuracy } = estimates
    return { run, manifest, round, hash, step, data, view: { ...view, members }, accuracy, finished: false, lineage }
  }

  #required(): DataPlan {
    if (this.#plan === undefined) throw new PeergradError('internal', 'the data position is not known yet')
    return this.#plan
  }
}
