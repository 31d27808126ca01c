import { createHash } from 'node:crypto'
import {
  layoutLength,
  parseCheckpointRecord,
  PeergradError,
  type CheckpointPosition,
  type CheckpointRecord,
  type CheckpointVector,
  type Layout
} from '@peergrad/core'

/*
 * A checkpoint is a safetensors file: 8 bytes with the header's length, a JSON header, raw little-endian floats. Its
 * tensors are the slots of the model's layout and, after them, each other vector under its own name. The metadata
 * holds the record, with the digest of each vector, and the SHA-256 of the header itself (its length before it, and
 * zeros in the place of that digest): so it covers every bit of the file.
 */

/** bytes of a header at most: what other readers of safetensors take */
export const HEADER_LIMIT = 100_000_000
/** bytes before the header */
export const LENGTH_BYTES = 8

const ZEROS = '0'.repeat(64)
const START = '{"__metadata__":{"sha256":"'
const DIGEST_AT = LENGTH_BYTES + START.length

export interface Header extends CheckpointRecord {
  /** what the file says of each tensor, by name */
  readonly tensors: ReadonlyMap<string, unknown>
}

export interface HeaderInit {
  readonly layout: Layout
  readonly position: CheckpointPosition
  readonly vectors: readonly CheckpointVector[]
}

/** Length and header. Errors: `duplicate` for two tensors of one name, `argument` for a header that is too long or could not be read. */
export function encodeHeader({ layout, position, vectors }: HeaderInit): Buffer {
  const tensors = tensorsOf(layout, vectors)
  const names = tensors.map(([name]) => name)
  const twice = ['__metadata__', ...names].find((name, index, all) => all.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new PeergradError('duplicate', `checkpoint: got two tensors called "${twice}", expected a name for each`)
  }
  const record = JSON.stringify(checked({ position, vectors }))
  const metadata = ['__metadata__', { sha256: ZEROS, peergrad: record }] as const
  // by hand, for an object would put a name that is a number before the others
  const fields = [metadata, ...tensors].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  const json = Buffer.from(`{${fields.join(',')}}`)
  const padding = (8 - (json.length % 8)) % 8
  if (json.length + padding > HEADER_LIMIT) {
    const message = `checkpoint: got a header of ${json.length} bytes, expected at most ${HEADER_LIMIT}`
    throw new PeergradError('argument', message)
  }
  const bytes = Buffer.concat([Buffer.alloc(LENGTH_BYTES), json, Buffer.alloc(padding, ' ')])
  bytes.writeBigUInt64LE(BigInt(json.length + padding))
  bytes.write(digestOf(bytes), DIGEST_AT)
  return bytes
}

/** What cannot be read must not be written: good checkpoints would make room for it. */
function checked(record: CheckpointRecord): CheckpointRecord {
  try {
    return parseCheckpointRecord(record)
  } catch (cause) {
    const message = `checkpoint: it could not be read again: ${PeergradError.from(cause).message}`
    throw new PeergradError('argument', message, {}, { cause })
  }
}

/** Reads length and header. Error `corrupt` says what is wrong with it. */
export function decodeHeader(bytes: Buffer): Header {
  const digest = bytes.toString('latin1', DIGEST_AT, DIGEST_AT + ZEROS.length)
  if (bytes.toString('latin1', LENGTH_BYTES, DIGEST_AT) !== START || !/^[0-9a-f]{64}"$/.test(quoted(bytes))) {
    throw new PeergradError('corrupt', 'it was not written by peergrad')
  }
  if (digestOf(bytes) !== digest) throw new PeergradError('corrupt', 'its header does not match its checksum')
  const { __metadata__: metadata, ...tensors } = parse(bytes.toString('utf8', LENGTH_BYTES)) as {
    readonly __metadata__?: { readonly peergrad?: unknown } | null
  }
  const record = parseCheckpointRecord(parse(String(metadata?.peergrad)))
  return { ...record, tensors: new Map(Object.entries(tensors)) }
}

/** Error `shape` names the first tensor that a model of this layout, with these vectors beside it, has otherwise. */
export function checkTensors({ tensors, vectors }: Header, layout: Layout): void {
  const length = layoutLength(layout)
  if (vectors[0].length !== length) {
    throw new PeergradError('shape', `got a state of ${vectors[0].length} floats, expected ${length} of this model`)
  }
  const expected = tensorsOf(layout, vectors)
  for (const [name, tensor] of expected) {
    const got = tensors.get(name)
    if (JSON.stringify(got) === JSON.stringify(tensor)) continue
    const has = got === undefined ? 'no such tensor' : JSON.stringify(got)
    throw new PeergradError('shape', `tensor "${name}": got ${has}, expected ${JSON.stringify(tensor)} of this model`)
  }
  if (tensors.size !== expected.length) {
    throw new PeergradError('shape', `got ${tensors.size} tensors, expected the ${expected.length} of this model`)
  }
}

/** The slots of the layout, then the vectors after the first. */
function tensorsOf(layout: Layout, [, ...others]: readonly CheckpointVector[]): (readonly [string, object])[] {
  const slots = layout.slots.map(({ name, shape, offset, length }) => [name, tensor(shape, offset, length)] as const)
  let offset = layoutLength(layout)
  const named = others.map(({ name, length }) => {
    offset += length
    return [name, tensor([length], offset - length, length)] as const
  })
  return [...slots, ...named]
}

function tensor(shape: readonly number[], offset: number, length: number): object {
  return { dtype: 'F32', shape, data_offsets: [offset * 4, (offset + length) * 4] }
}

function digestOf(bytes: Buffer): string {
  const after = DIGEST_AT + ZEROS.length
  return createHash('sha256')
    .update(bytes.subarray(0, DIGEST_AT))
    .update(ZEROS)
    .update(bytes.subarray(after))
    .digest('hex')
}

/** The digest's place, with the quote after it. */
function quoted(bytes: Buffer): string {
  return bytes.toString('latin1', DIGEST_AT, DIGEST_AT + ZEROS.length + 1)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new PeergradError('corrupt', 'its header is no JSON', {}, { cause })
  }
}
