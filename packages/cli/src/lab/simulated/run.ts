import { PeergradError, virtualClock, type Dataset } from '@peergrad/core'
import type { PeerResult } from '@peergrad/peer'
import { hostileIn, type Cell, type CellPlan } from '../cells.js'
import { checkMeaning } from '../meaning.js'
import { Observer } from '../observer.js'
import type { Outcome } from '../outcome.js'
import type { Laboratory } from './laboratory.js'
import { startPeers, type Peers } from './peers.js'

export interface SimulateInit {
  readonly cell: Omit<Cell, 'plan'>
  readonly plan: CellPlan
  readonly laboratory: Laboratory
  /** rounds that all honest peers have ended */
  readonly onRound: (rounds: number) => void
}

/** Virtual milliseconds beside those that every round may take, after which a run stands still. */
const SPARE = 600_000

/**
 * One run of a grid on a network in memory, under a virtual clock that waits for the gradients. The same cell gives the
 * same parameters as over real processes. What ends an honest peer ends the run, and is part of its outcome. Rejects
 * where that says nothing of attack or defence: see `checkMeaning`.
 */
export async function simulateCell({ cell, plan, laboratory, onRound }: SimulateInit): Promise<Outcome> {
  const { manifest, parts } = plan
  const { dataset, shared: engine } = await laboratory.open(manifest, cell.options)
  const start = performance.now()
  const clock = virtualClock()
  const observer = new Observer({
    strategy: parts.strategy,
    byzantine: hostileIn(cell, plan),
    deadline: manifest.deadline,
    chance: 1 / dataset.classes
  })
  const peers = await startPeers({
    cell,
    plan,
    laboratory,
    dataset,
    engine,
    clock,
    emit: (event) => {
      observer.add(event)
      if (event.type === 'round') onRound(observer.rounds)
    }
  })
  const hostile: PeergradError[] = []
  for (const peer of peers.hostile) peer.catch((thrown: unknown) => hostile.push(PeergradError.from(thrown)))
  try {
    const ended = await turn(peers.honest, { clock, laboratory, limit: () => limit(manifest, observer.rounds) })
    checkMeaning({ ended, hostile }, plan)
    const success = ended === undefined ? await successOf({ cell, plan, laboratory, dataset, peers }) : undefined
    const seconds = (performance.now() - start) / 1000
    return { ...observer.outcome({ ended, seconds }), ...(success !== undefined && { success }) }
  } finally {
    await peers.end()
  }
}

/** When a run that has so many rounds behind it must have made one more, in virtual milliseconds. */
function limit({ deadline, grace }: CellPlan['manifest'], rounds: number): number {
  return SPARE + (rounds + 1) * 2 * (deadline + grace)
}

interface TurnInit extends Pick<SimulateInit, 'laboratory'> {
  readonly clock: ReturnType<typeof virtualClock>
  readonly limit: () => number
}

/** Moves the clock until all peers have ended, or one of them fails: then with what. */
async function turn(
  honest: readonly Promise<PeerResult>[],
  { clock, laboratory, limit }: TurnInit
): Promise<PeergradError | undefined> {
  let left = honest.length
  let failure: PeergradError | undefined
  for (const peer of honest) {
    peer.then(
      () => (left -= 1),
      (thrown: unknown) => (failure ??= PeergradError.from(thrown))
    )
  }
  for (;;) {
    await laboratory.outside.settled()
    if (left === 0 || failure !== undefined) return failure
    if (clock.next === undefined || clock.next > limit()) {
      return new PeergradError('timeout', `the run stood still after ${Math.round(clock.now() / 1000)} virtual s`)
    }
    clock.turn()
  }
}

/** How far an attack got that has an aim, by the model that all honest peers hold. */
async function successOf({
  cell: { options },
  plan: { manifest, attack },
  laboratory,
  dataset,
  peers
}: Pick<SimulateInit, 'cell' | 'plan' | 'laboratory'> & { readonly dataset: Dataset; readonly peers: Peers }): Promise<
  number | undefined
> {
  if (attack?.attack.level !== 'data' || attack.attack.aim === undefined) return undefined
  const aimed = { ...dataset, test: attack.attack.aim(dataset) }
  const engine = await laboratory.engine({ model: manifest.model, dataset: aimed, options, workers: 1 })
  try {
    const lease = await peers.model()
    const { accuracy } = await engine.evaluate({ state: lease.vector }).finally(() => lease.release())
    return accuracy
  } finally {
    await engine.close()
  }
}
