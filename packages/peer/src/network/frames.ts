import { PeergradError } from '@peergrad/core'
import type { WireReader } from './wire-reader.js'

/** A length (u32, little-endian) and then the bytes: reading to the end of a stream hangs when it closed before. */
export function encodeFrame(bytes: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(4 + bytes.byteLength)
  frame.writeUInt32LE(bytes.byteLength, 0)
  frame.set(bytes, 4)
  return frame
}

/** Error `corrupt` for a frame above `limit`, before a byte of it is kept. */
export async function readFrame(reader: WireReader, limit: number): Promise<Uint8Array> {
  const head = await reader.read(4)
  const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true)
  if (length > limit) throw new PeergradError('corrupt', `frame: got ${length} bytes, expected at most ${limit}`)
  return reader.read(length)
}
