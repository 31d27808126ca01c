import { learningRateAt, MEMBERS_LIMIT, type Offence, type OptimiserSpec, type PeerId } from '@peergrad/core'
import { Roster } from '../membership/roster.js'
import { RecentSet } from '../network/recent-set.js'
import { REMEMBERED } from '../network/reputation.js'
import { Catcher } from './catcher.js'
import { Estimates } from './estimates.js'
import { Exclusions } from './exclusions.js'
import { Followers } from './followers.js'
import { Journal } from './journal.js'
import { LastingWork } from './lasting-work.js'
import { Model } from './model.js'
import { OwnVectors } from './own-vectors.js'
import type { PeerRuntimeInit } from './peer-init.js'
import { Standing } from './standing.js'
import { VectorExchange } from './vectors.js'

/** What the runtime of one peer is made of, beside what it was handed. */
export interface PeerParts {
  readonly init: PeerRuntimeInit
  readonly journal: Journal
  readonly roster: Roster
  readonly exclusions: Exclusions
  /** of which the own network takes nothing more: to this peer they are lost, whatever the others think */
  readonly expelled: Set<PeerId>
  /** a peer gave what no honest one gives */
  readonly refuse: (peer: PeerId, offence: Offence, reason: string) => void
  readonly vectors: VectorExchange
  readonly catcher: Catcher
  readonly model: Model
  readonly estimates: Estimates
  readonly standing: Standing
  readonly followers: Followers
  readonly own: OwnVectors
  readonly lasting: LastingWork
  /** that steps the model at the end of a round */
  readonly optimiser: OptimiserSpec
  /** of an optimiser step, by the run's schedule */
  readonly learningRate: (step: number) => number
}

export function makeParts(init: PeerRuntimeInit): PeerParts {
  const { swarm, clock, store, engine, strategy, schedule, logger, emit, patience } = init
  const refuse: PeerParts['refuse'] = (peer, offence, reason) => {
    swarm.mesh.report(peer, offence)
    emit({ type: 'refused', other: peer, offence, reason })
  }
  const vectors = new VectorExchange({
    mesh: swarm.mesh,
    store,
    packing: { ...(init.codec && { codec: init.codec }), sparse: init.filter !== undefined },
    deadline: swarm.manifest.deadline,
    refuse
  })
  const { outer, steps: stepsPerRound = 1, ownModels = false } = strategy
  const optimiser = outer ?? swarm.manifest.optimiser
  const learningRate = (step: number) => learningRateAt(schedule, step, swarm.manifest.optimiser.learningRate)
  const model = new Model({
    store,
    engine,
    vectors,
    optimiser,
    learningRate: outer === undefined ? learningRate : () => outer.learningRate,
    stepsPerRound,
    ownModels
  })
  const [every, samples] = [init.evaluateEvery, init.evaluateSamples]
  const estimates = new Estimates({ engine, store, logger, emit, every, samples })
  estimates.accuracy = init.resume?.position.accuracy ?? 0
  const roster = new Roster({ swarm, clock, patience, takes: leastOf(init.takes) })
  return {
    init,
    journal: new Journal(emit),
    roster,
    exclusions: new Exclusions({ swarm, roster, emit }),
    expelled: new RecentSet(REMEMBERED),
    refuse,
    vectors,
    catcher: new Catcher({ swarm, clock, logger, suspects: (peer) => roster.suspects(peer) }),
    model,
    estimates,
    standing: new Standing({ ...init, model, estimates }),
    followers: new Followers(clock, (peer, offence) => swarm.mesh.report(peer, offence)),
    own: new OwnVectors(store, init.resume?.own),
    lasting: new LastingWork({ engine, store }),
    optimiser,
    learningRate
  }
}

/** The smallest number of contributions that a rule takes: 1 when it takes any, or none of those that a view may have. */
function leastOf(takes: PeerRuntimeInit['takes'] = () => true): number {
  for (let least = 1; least <= MEMBERS_LIMIT; least++) if (takes(least)) return least
  return 1
}
