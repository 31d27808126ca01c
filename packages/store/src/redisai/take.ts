import { PeergradError, type Vector } from '@peergrad/core'
import { bytesOf } from '../redis/chunks.js'

/** Copies a reply to AI.TENSORGET META BLOB into a vector of its length. Error `corrupt` for another type or size. */
export function takeFloats(name: string, reply: unknown, into: Vector): void {
  bytesOf(into).set(blobOf(name, reply, { type: 'FLOAT', length: into.length, bytes: into.byteLength }))
}

/** The integers of a tensor of `length` int64. Error `corrupt` for another type or size. */
export function takeIntegers(name: string, reply: unknown, length: number): number[] {
  const blob = blobOf(name, reply, { type: 'INT64', length, bytes: 8 * length })
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength)
  return Array.from({ length }, (_, i) => Number(view.getBigInt64(8 * i, true)))
}

interface Expected {
  readonly type: 'FLOAT' | 'INT64'
  readonly length: number
  readonly bytes: number
}

/** The reply names its parts: dtype, then shape, then blob. */
function blobOf(name: string, reply: unknown, { type, length, bytes }: Expected): Uint8Array {
  const parts: unknown[] = Array.isArray(reply) ? reply : []
  const [dtype, shape, blob] = ['dtype', 'shape', 'blob'].map((part) => {
    const at = parts.findIndex((value, i) => i % 2 === 0 && String(value) === part)
    return at < 0 ? undefined : parts[at + 1]
  })
  const got = `${String(dtype)}[${String(shape)}]`
  if (blob instanceof Uint8Array && blob.byteLength === bytes && got === `${type}[${length}]`) return blob
  const size = blob instanceof Uint8Array ? `${blob.byteLength} bytes` : 'no bytes'
  const message = `store: "${name}" is ${got} of ${size}, expected ${type}[${length}] of ${bytes}`
  throw new PeergradError('corrupt', message, { key: name })
}
