export { replace, type Disguise } from '@peergrad/core'
export {
  MANIFEST,
  peerName,
  Simulation,
  type SimulatedPeer,
  type SimulationInit,
  type StartOptions
} from './simulation.js'
