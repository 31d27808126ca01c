import {
  loadFactory,
  parseSchedule,
  PeergradError,
  type Clock,
  type Dataset,
  type Engine,
  type Lease,
  type Mesh,
  type RunEvent
} from '@peergrad/core'
import { createPartitioner, type TfjsEngine } from '@peergrad/engine'
import { MemoryNetwork, runPeer, Swarm, type PeerResult } from '@peergrad/peer'
import { arm, HONEST } from '../../attack/arm.js'
import { dealer, strategyReference } from '../../compose.js'
import { decodeOnce, nameOf, sha256, silent } from '../../simulate/peers.js'
import { hostileIn, type Cell, type CellPlan } from '../cells.js'
import type { Laboratory } from './laboratory.js'
import { remembering } from './remembering.js'

export interface PeersInit {
  readonly cell: Omit<Cell, 'plan'>
  readonly plan: CellPlan
  readonly laboratory: Laboratory
  readonly dataset: Dataset
  /** what honest peers compute with */
  readonly engine: Engine
  readonly clock: Clock
  readonly emit: (event: RunEvent) => void
}

export interface Peers {
  readonly honest: readonly Promise<PeerResult>[]
  readonly hostile: readonly Promise<PeerResult>[]
  /** the last model of the first peer, once it has ended */
  model(): Promise<Lease>
  /** ends whoever still runs, and gives back what the run took */
  end(): Promise<void>
}

/** Virtual milliseconds that a message takes, and that too few peers are waited for. */
const LATENCY = 1
const PATIENCE = 600_000

const OVER = new PeergradError('aborted', 'the simulation is over')

/**
 * The peers of one run, that have met and are about to begin its first round, the hostile ones with the last ranks: the
 * runtime, strategy and rule of real peers, on a network in memory. The clock stands still until somebody moves it.
 */
export async function startPeers(init: PeersInit): Promise<Peers> {
  const { cell, plan, laboratory, dataset, clock, emit } = init
  const { manifest, parts } = plan
  const { options } = cell
  const { memory, outside } = laboratory
  const honest = manifest.peers - (plan.attack === undefined ? 0 : cell.byzantine)
  const names = Array.from({ length: honest + hostileIn(cell, plan) }, (_, rank) => nameOf(rank))
  const hostile = names.slice(honest)
  const network = new MemoryNetwork({
    clock,
    seed: manifest.seed,
    latency: () => LATENCY,
    deliver: (from, into) => memory.deliver(from, into)
  })
  const once = remembering()
  const armed = names.map((self) =>
    plan.attack === undefined || !hostile.includes(self)
      ? HONEST
      : arm(plan.attack.attack, {
          self,
          accomplices: hostile.filter((other) => other !== self),
          schedule: plan.attack.schedule,
          once
        })
  )
  const meshes = names.map((name, rank) => armed[rank].mesh(network.join(name)))
  for (const mesh of meshes.slice(1)) await mesh.dial(`/memory/${names[0]}`)
  const founding = { view: { number: 0, members: names }, lineage: { founder: names[0], founded: clock.wall() } }
  const decode = decodeOnce()
  const strategy = await loadFactory('strategy', strategyReference(manifest.strategy, manifest))
  const partition = dealer(await createPartitioner(manifest.partition), dataset, manifest.seed)
  const over = new AbortController()
  const stores = names.map(() => memory.open(clock))
  const engines: TfjsEngine[] = []
  const engineOf = async (rank: number): Promise<Engine> => {
    const taught = armed[rank].dataset(dataset, manifest)
    if (taught === dataset) return init.engine
    const engine = await laboratory.engine({ model: manifest.model, dataset: taught, options, workers: 1 })
    engines.push(engine)
    return outside.of(engine)
  }
  const swarms: Swarm[] = []
  const running: Promise<PeerResult>[] = []
  const start = async (rank: number, mesh: Mesh): Promise<void> => {
    const engine = armed[rank].engine(await engineOf(rank))
    const swarm = new Swarm({ mesh, clock, logger: silent, join: [], manifest, sha256, founding, decode })
    swarms.push(swarm)
    const result = runPeer({
      ...parts,
      // each peer has its own: a strategy may remember what it saw
      strategy: armed[rank].strategy(strategy(), manifest),
      swarm,
      engine,
      store: armed[rank].store(outside.of(stores[rank])),
      partition,
      schedule: parseSchedule(manifest.schedule),
      clock,
      logger: silent,
      emit,
      // all honest peers hold the same model
      evaluateEvery: rank === 0 ? options['evaluate-every'] : 0,
      evaluateSamples: Infinity,
      patience: PATIENCE,
      leave: new AbortController().signal,
      stop: new AbortController().signal,
      signal: over.signal
    })
    result.catch(() => undefined)
    running.push(result)
  }
  const end = async (): Promise<void> => {
    over.abort(OVER)
    for (const mesh of meshes) await mesh.close()
    await outside.settled()
    for (const swarm of swarms) swarm.close()
    for (const each of [...stores, ...engines]) await each.close()
    memory.clear()
  }
  try {
    for (const [rank, mesh] of meshes.entries()) await start(rank, mesh)
  } catch (thrown) {
    // what an attack threw while it was armed
    await end()
    throw thrown
  }
  const model = async () => stores[0].get((await running[0]).state)
  return { honest: running.slice(0, honest), hostile: running.slice(honest), model, end }
}
