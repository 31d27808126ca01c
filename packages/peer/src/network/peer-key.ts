import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import { fromString, toString } from '../bundled/names.js'

/**
 * An ed25519 PeerId is the base58 of its public key behind a fixed prefix (identity multihash of the key's protobuf,
 * libp2p specification "Peer Ids and Keys"), so either is had from the other without libp2p.
 */
export const PUBLIC_KEY_BYTES = 32
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
/** SubjectPublicKeyInfo of ed25519 up to the raw key, RFC 8410 */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
/** PKCS #8 of ed25519 up to the raw seed, RFC 8410 */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const CACHED_KEYS = 1024

const keys = new Map<string, KeyObject>()

export function peerIdOfKey(publicKey: Uint8Array): PeerId {
  return toString(Buffer.concat([PEER_ID_PREFIX, publicKey]), 'base58btc')
}

/** Error `argument` when the id is not one of an ed25519 key. */
export function keyOfPeerId(peer: PeerId): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(0)
  try {
    bytes = fromString(peer, 'base58btc')
  } catch {
    // not base58: refused below with the rest
  }
  const prefixed = PEER_ID_PREFIX.every((byte, i) => bytes[i] === byte)
  if (prefixed && bytes.byteLength === PEER_ID_PREFIX.byteLength + PUBLIC_KEY_BYTES)
    return bytes.subarray(PEER_ID_PREFIX.byteLength)
  throw new PeergradError('argument', `peer id: got "${peer}", expected one of an ed25519 key (12D3Koo…)`)
}

export function privateKeyOfSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

export function verifyingKey(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString('base64')
  let key = keys.get(name)
  if (key === undefined) {
    const oldest = keys.keys().next()
    if (keys.size >= CACHED_KEYS && oldest.done !== true) keys.delete(oldest.value)
    key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
    keys.set(name, key)
  }
  return key
}
