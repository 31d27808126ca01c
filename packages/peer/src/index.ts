export {
  createNetworkMesh,
  keptAddresses,
  loadIdentity,
  peerOfKey,
  reachOf,
  verifyEnvelope,
  type Envelope,
  type NetworkMesh,
  type NetworkMeshInit,
  type NetworkStatistics,
  type Scope
} from './network/index.js'
export { Checkpoints, type CheckpointsInit, type ExtraVector } from './checkpoint/checkpoints.js'
export {
  CHECKPOINTS,
  findCheckpoint,
  listCheckpoints,
  type FoundCheckpoint,
  type ListedCheckpoint
} from './checkpoint/directory.js'
export { loadCheckpoint, resumedFrom, type LoadInit, type ResumedState } from './checkpoint/load.js'
export { CheckpointReader } from './checkpoint/read.js'
export { writeCheckpoint, type CheckpointContents, type NamedVector } from './checkpoint/write.js'
export {
  MemoryNetwork,
  type MemoryNetworkEvents,
  type MemoryNetworkInit,
  type SimulatedMesh
} from './mesh/memory-network.js'
export type { MemoryTransfer } from './mesh/memory-tensors.js'
export type { LinkConditions, LinkSelector } from './mesh/link-conditions.js'
export type { Bandwidth } from './mesh/memory-transfers.js'
export type { Credentials } from './membership/admission/admission.js'
export {
  createInvitation,
  invitationText,
  parseInvitation,
  type Invitation,
  type InvitationInit
} from './membership/admission/invitation.js'
export { checkAdmission } from './doctor/admitted.js'
export { openDoctor, type Doctor, type DoctorInit, type Seen, type SeenRun, type Visit } from './doctor/doctor.js'
export type { DialBack, Received } from './doctor/messages.js'
export { VERSIONS } from './doctor/versions.js'
export { differenceOf } from './membership/known-run.js'
export { Swarm, type SwarmInit } from './membership/swarm.js'
export { runPeer, type PeerResult, type RunPeerInit } from './run-peer.js'
export { RoundAgreement } from './runtime/agreement/agreement.js'
export type { AgreementEffects, AgreementInit, AgreementMessage, Decision } from './runtime/agreement/contract.js'
export { networkAttacks } from './hostile/attacks.js'
export { quadraticEngine } from './simulation/quadratic-engine.js'
export { wireBytes } from './runtime/shape.js'
export { DataPlan, type DataPlanInit } from './runtime/data-plan.js'
