import { controlMessages, type ControlMessage, type Engine, type GradientStore, type Mesh } from '@peergrad/core'
import { replace } from './replace.js'
import type { Disguise, SimulatedPeer, Simulation } from './swarm.js'

/** What a peer is about to do or in the middle of, in the order of a round; the last two are of a join. */
export const MOMENTS = [
  'while-computing',
  'before-announcing',
  'while-announcing',
  'while-sending',
  'half-of-the-bytes',
  'while-reducing',
  'after-aggregating',
  'before-accepting',
  'while-handing-over',
  'while-giving-state',
  'while-taking-state'
] as const
export type Moment = (typeof MOMENTS)[number]

/** Called at a moment of a peer, in its round; its code goes on when the promise settles. */
type Reached = (moment: Moment) => Promise<void> | undefined

/** Milliseconds after an announcement at which it has reached some peers and not others, by the links of `trial.ts`. */
const ANNOUNCED = 2.5

const BEFORE: Partial<Record<ControlMessage['kind'], Moment>> = {
  manifest: 'before-announcing',
  accept: 'before-accepting',
  prepare: 'while-handing-over',
  promise: 'while-handing-over'
}

/** An honest peer whose moments are seen: wrappers around its parts, and nothing in them. */
export function watched(simulation: Simulation, reached: Reached): Disguise {
  return {
    mesh: (honest: Mesh) =>
      replace(honest, {
        announce: async (payload) => {
          const { kind } = controlMessages.decode(payload)
          const moment = BEFORE[kind]
          if (moment !== undefined) await reached(moment)
          await honest.announce(payload)
          if (kind === 'manifest') simulation.clock.after(ANNOUNCED, () => void reached('while-announcing'))
        }
      }),
    store: (honest: GradientStore) =>
      replace(honest, {
        aggregate: async (request) => {
          await reached('while-reducing')
          await honest.aggregate(request)
          await reached('after-aggregating')
        },
        // sums and weighted means are merged by it
        combine: async (request) => {
          await reached('while-reducing')
          await honest.combine(request)
          await reached('after-aggregating')
        }
      }),
    engine: (honest: Engine) =>
      replace(honest, {
        gradient: async (request) => {
          await reached('while-computing')
          return honest.gradient(request)
        }
      })
  }
}

/** The moments of the network: tensors that peers send. `of` finds who lives under a name. */
export function watchTransfers(simulation: Simulation, reached: (life: SimulatedPeer, moment: Moment) => void): void {
  const at = (name: string, moment: Moment) => {
    const life = simulation.peers.get(name)
    if (life !== undefined) reached(life, moment)
  }
  simulation.network.on('begun', ({ from, to }) => {
    at(from, 'while-sending')
    if (!hasView(simulation.peers.get(to))) at(from, 'while-giving-state')
    if (!hasView(simulation.peers.get(to))) at(to, 'while-taking-state')
  })
  simulation.network.on('half', ({ from }) => {
    at(from, 'half-of-the-bytes')
  })
}

function hasView(life: SimulatedPeer | undefined): boolean {
  return life?.events.some(({ type }) => type === 'view') ?? true
}
