export { createNetworkMesh, type NetworkMesh, type NetworkMeshInit } from './mesh.js'
export { loadIdentity, peerOfKey } from './identity.js'
export { verifyEnvelope, type Envelope } from './envelope.js'
export type { NetworkStatistics } from './protocol.js'
