import { PeergradError } from '@peergrad/core'
import { encodeFrame, readFrame } from '../frames.js'
import type { WireReader } from '../wire-reader.js'

/** Bytes of one of these small words between two peers. */
const LIMIT = 512

export function jsonFrame(value: object): Uint8Array {
  return encodeFrame(Buffer.from(JSON.stringify(value)))
}

/** The object in the next frame; what is in it is the caller's to check. Error `corrupt` for anything else. */
export async function readJsonFrame(reader: WireReader): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readFrame(reader, LIMIT)
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new PeergradError('corrupt', `frame: got ${bytes.byteLength} bytes that are no JSON`, {}, { cause })
  }
  if (typeof value === 'object' && value !== null) return { ...value }
  throw new PeergradError('corrupt', 'frame: got JSON that is no object')
}

/** A TCP port. Error `corrupt` for anything else. */
export function portOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536) return value
  throw new PeergradError('corrupt', 'got another thing than a TCP port')
}
