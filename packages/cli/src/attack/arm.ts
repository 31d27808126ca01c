import type { Attack, AttackContext, Disguise } from '@peergrad/core'
import { disguiseOf } from '@peergrad/strategies'

/** Every part of a peer, honest or not: the mesh first, the others once the run is known. */
export type Armed = Required<Disguise>

/** A peer that plays no part in an attack. */
export const HONEST: Armed = {
  mesh: (mesh) => mesh,
  dataset: (dataset) => dataset,
  engine: (engine) => engine,
  store: (store) => store,
  strategy: (strategy) => strategy
}

/**
 * The parts of a hostile peer, of one process or of a simulated one: each function is called once with the honest part
 * and gives what stands in its place. The mesh must be armed before anything listens on it.
 */
export function arm(attack: Attack, context: AttackContext): Armed {
  return { ...HONEST, ...disguiseOf(attack, context) }
}
