export {
  createNetworkMesh,
  verifyEnvelope,
  type Envelope,
  type NetworkMesh,
  type NetworkMeshInit,
  type NetworkStatistics
} from './network/index.js'
export { readCheckpoint, writeCheckpoint, type CheckpointPosition } from './checkpoint.js'
export {
  MemoryNetwork,
  type MemoryNetworkEvents,
  type MemoryNetworkInit,
  type SimulatedMesh
} from './mesh/memory-network.js'
export type { MemoryTransfer } from './mesh/memory-tensors.js'
export type { LinkConditions, LinkSelector } from './mesh/link-conditions.js'
export { Swarm, type SwarmInit } from './membership/swarm.js'
export { runPeer, type PeerResult, type RunPeerInit } from './run-peer.js'
export {
  RoundAgreement,
  type AgreementEffects,
  type AgreementInit,
  type AgreementMessage,
  type Decision
} from './runtime/agreement.js'
export { DataPlan, type DataPlanInit } from './runtime/data-plan.js'
