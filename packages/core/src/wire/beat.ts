import { DIGEST_PATTERN, type Digest } from '../contracts/digest.js'
import { PeergradError } from '../errors.js'
import { readHex, writeHex } from './hex.js'

/**
 * What a peer says of itself every half second: that it is there, and which state it is in.
 *
 * 48 bytes, little-endian: version u8 · flags u8 (1: has a state, 2: a majority has the same) · zero u16 · round u32 ·
 * hash of the model state 32 · plan 8. Flags and layout are the wire format: never reuse one.
 */
export interface Beat {
  /** false while the peer has no model state, for it has just come or come back */
  readonly stateful: boolean
  /** a majority of the members said that they have this state */
  readonly confirmed: boolean
  /** the round that the peer is in */
  readonly round: number
  /** of the parameters and buffers that the round starts from */
  readonly hash: Digest
  /** 16 hexadecimal digits of a hash of what else must be the same: lineage, view, data position */
  readonly plan: string
}

export const BEAT_BYTES = 48

const VERSION = 1
const STATEFUL = 1
const CONFIRMED = 2
const PLAN_PATTERN = /^[0-9a-f]{16}$/

export function encodeBeat({ stateful, confirmed, round, hash, plan }: Beat): Uint8Array {
  if (!DIGEST_PATTERN.test(hash) || !PLAN_PATTERN.test(plan)) {
    throw new PeergradError('argument', `beat: got hash "${hash}" and plan "${plan}", expected 64 and 16 digits`)
  }
  const bytes = new Uint8Array(BEAT_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint8(1, (stateful ? STATEFUL : 0) | (confirmed ? CONFIRMED : 0))
  view.setUint32(4, round, true)
  writeHex(bytes, 8, hash)
  writeHex(bytes, 40, plan)
  return bytes
}

/** Error `corrupt` for bytes that are no beat. */
export function decodeBeat(bytes: Uint8Array): Beat {
  if (bytes.byteLength !== BEAT_BYTES || bytes[0] !== VERSION) {
    const message = `beat: got ${bytes.byteLength} bytes of version ${bytes[0]}, expected ${BEAT_BYTES} of ${VERSION}`
    throw new PeergradError('corrupt', message)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, BEAT_BYTES)
  const flags = view.getUint8(1)
  return {
    stateful: (flags & STATEFUL) !== 0,
    confirmed: (flags & CONFIRMED) !== 0,
    round: view.getUint32(4, true),
    hash: readHex(bytes, 8, 40),
    plan: readHex(bytes, 40, 48)
  }
}
