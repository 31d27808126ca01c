import { sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { CONTROL_LIMIT, PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import { keyOfPeerId, peerIdOfKey, PUBLIC_KEY_BYTES, verifyingKey } from './peer-key.js'

/**
 * A signed control message. It carries all that is needed to check it, so the bytes are evidence in anybody's hands.
 *
 * Little-endian: magic "PGEV" · version u8 · kind u8 · topic length u16 · sequence u64 · payload length u32 ·
 * sender's ed25519 key 32 · recipient's key 32 (zero: for all) · topic · payload · signature 64.
 * The signature is over SIGNING_PREFIX and everything before it. The numbers are the wire format: never reuse one.
 */
const KINDS = { announcement: 1, request: 2, response: 3, refusal: 4 } as const
export type EnvelopeKind = keyof typeof KINDS

export interface Envelope {
  readonly kind: EnvelopeKind
  readonly from: PeerId
  /** who may act on it; undefined for all */
  readonly to: PeerId | undefined
  /** name of the run's topic */
  readonly topic: string
  /** grows with each message of a sender; an answer has the number of its request */
  readonly sequence: number
  readonly payload: Uint8Array
  /** the whole of it as it came */
  readonly bytes: Uint8Array
}

const MAGIC = 0x56454750
const VERSION = 1
const HEAD_BYTES = 84
const SIGNATURE_BYTES = 64
export const TOPIC_LIMIT = 128
export const ENVELOPE_LIMIT = HEAD_BYTES + TOPIC_LIMIT + CONTROL_LIMIT + SIGNATURE_BYTES
const SIGNING_PREFIX = Buffer.from('peergrad-envelope-v1:')
const NOBODY = new Uint8Array(PUBLIC_KEY_BYTES)

export interface Signer {
  readonly publicKey: Uint8Array
  readonly privateKey: KeyObject
}

export interface EnvelopeContent {
  readonly kind: EnvelopeKind
  readonly to?: PeerId | undefined
  readonly topic: string
  readonly sequence: number
  readonly payload: Uint8Array
}

/** Error `argument` for a payload above CONTROL_LIMIT. */
export function sealEnvelope({ kind, to, topic, sequence, payload }: EnvelopeContent, signer: Signer): Uint8Array {
  if (payload.byteLength > CONTROL_LIMIT) {
    const message = `control message: got ${payload.byteLength} bytes, expected at most ${CONTROL_LIMIT}`
    throw new PeergradError('argument', `${message}; serve larger things and announce their digest`)
  }
  const head = Buffer.alloc(HEAD_BYTES)
  const name = Buffer.from(topic)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt8(VERSION, 4)
  head.writeUInt8(KINDS[kind], 5)
  head.writeUInt16LE(name.byteLength, 6)
  head.writeBigUInt64LE(BigInt(sequence), 8)
  head.writeUInt32LE(payload.byteLength, 16)
  head.set(signer.publicKey, 20)
  head.set(to === undefined ? NOBODY : keyOfPeerId(to), 52)
  const signature = sign(null, Buffer.concat([SIGNING_PREFIX, head, name, payload]), signer.privateKey)
  return Uint8Array.from(Buffer.concat([head, name, payload, signature]))
}

/** Reads without checking the signature. Error `corrupt` names what is wrong. */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.byteLength < HEAD_BYTES + SIGNATURE_BYTES || bytes.byteLength > ENVELOPE_LIMIT) {
    throw corrupt(`got ${bytes.byteLength} bytes, expected ${HEAD_BYTES + SIGNATURE_BYTES} to ${ENVELOPE_LIMIT}`)
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.readUInt32LE(0) !== MAGIC) throw corrupt('got foreign bytes, expected the magic number')
  if (view.readUInt8(4) !== VERSION) throw corrupt(`got version ${view.readUInt8(4)}, expected ${VERSION}`)
  const kind = (Object.keys(KINDS) as EnvelopeKind[]).find((name) => KINDS[name] === view.readUInt8(5))
  if (kind === undefined) throw corrupt(`got kind ${view.readUInt8(5)}, expected 1 to 4`)
  const topicBytes = view.readUInt16LE(6)
  const payloadBytes = view.readUInt32LE(16)
  const sequence = Number(view.readBigUInt64LE(8))
  if (topicBytes > TOPIC_LIMIT || payloadBytes > CONTROL_LIMIT || !Number.isSafeInteger(sequence)) {
    throw corrupt(`got topic ${topicBytes}, payload ${payloadBytes}, sequence ${sequence}, expected less`)
  }
  const length = HEAD_BYTES + topicBytes + payloadBytes + SIGNATURE_BYTES
  if (bytes.byteLength !== length) throw corrupt(`got ${bytes.byteLength} bytes, expected ${length} by its own header`)
  const to = bytes.subarray(52, HEAD_BYTES)
  return {
    kind,
    from: peerIdOfKey(bytes.subarray(20, 52)),
    to: to.every((byte) => byte === 0) ? undefined : peerIdOfKey(to),
    topic: view.toString('utf8', HEAD_BYTES, HEAD_BYTES + topicBytes),
    sequence,
    payload: bytes.subarray(HEAD_BYTES + topicBytes, bytes.byteLength - SIGNATURE_BYTES),
    bytes
  }
}

/** Reads and checks the signature. Error `corrupt` names what is wrong. */
export function verifyEnvelope(bytes: Uint8Array): Envelope {
  const envelope = parseEnvelope(bytes)
  const signed = Buffer.concat([SIGNING_PREFIX, bytes.subarray(0, bytes.byteLength - SIGNATURE_BYTES)])
  const signature = bytes.subarray(bytes.byteLength - SIGNATURE_BYTES)
  if (!verify(null, signed, verifyingKey(bytes.subarray(20, 52)), signature)) {
    throw corrupt(`got a signature that is not of ${envelope.from} over these bytes`)
  }
  return envelope
}

function corrupt(message: string): PeergradError {
  return new PeergradError('corrupt', `envelope: ${message}`)
}
