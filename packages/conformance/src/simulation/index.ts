export { replace } from './replace.js'
export {
  MANIFEST,
  peerName,
  Simulation,
  type Disguise,
  type SimulatedPeer,
  type SimulationInit,
  type StartOptions
} from './simulation.js'
