/** Keys, ids of peers and addresses: what every thread of a peer may need. */
export { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
export { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
export { CODE_P2P, multiaddr } from '@multiformats/multiaddr'
export { CID } from 'multiformats/cid'
export { create as createMultihash } from 'multiformats/hashes/digest'
export { fromString } from 'uint8arrays/from-string'
export { toString } from 'uint8arrays/to-string'
