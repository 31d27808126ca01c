import { DIGEST_PATTERN } from '../contracts/digest.js'
import type { Digest } from '../contracts/digest.js'
import { PeergradError } from '../errors.js'
import { readHex, writeHex } from './hex.js'

/**
 * The fixed little-endian records of a bulk transfer. A receiver sends a request; the holder answers with a header and,
 * when its status is `ok`, with `count × 4` raw bytes and the end mark, so that a byte too many is noticed at once. The
 * receiver answers with the acknowledgement, after which the holder may change the vector. The numbers below are the
 * wire format: never reuse one.
 *
 * Request, 48 bytes: magic "PGTR" · version u16 · zero u16 · element offset u32 · element count u32, zero for all from
 *   the offset on · digest 32 bytes
 * Header, 64 bytes: magic "PGTH" · version u16 · dtype u8 · status u8 · element offset u32 · element count u32 ·
 *   elements in all u32 · zero u32 · payload bytes u64 · digest 32 bytes; all zero after a status that is not `ok`
 */
export const TENSOR_REQUEST_BYTES = 48
export const TENSOR_HEADER_BYTES = 64

/** Offsets are multiples of it, in elements: a transfer that broke is resumed at a block. */
export const TENSOR_BLOCK_ELEMENTS = 1024

/** "PGTE", after the last byte of a tensor */
export const TENSOR_END = 0x45544750
/** "PGTA", from a receiver that has all of a tensor */
export const TENSOR_ACKNOWLEDGEMENT = 0x41544750
/** bytes of either mark, little-endian */
export const TENSOR_MARK_BYTES = 4

const REQUEST_MAGIC = 0x52544750
const HEADER_MAGIC = 0x48544750
const VERSION = 1
const DTYPES = { f32: 1 } as const
const WIDTHS = { f32: 4 } as const
const STATUSES = { ok: 1, missing: 2, refused: 3, busy: 4 } as const
/** a WebAssembly memory has 4 GiB */
const MAXIMUM_ELEMENTS = 2 ** 30

export type TensorDtype = keyof typeof DTYPES

export interface TensorRequest {
  readonly digest: Digest
  /** first element wanted */
  readonly offset: number
  /** elements wanted; 0 for all from the offset on, as many as the holder has */
  readonly count: number
}

export interface TensorHeader {
  readonly status: 'ok'
  readonly dtype: TensorDtype
  readonly digest: Digest
  /** first element that follows */
  readonly offset: number
  /** elements that follow */
  readonly count: number
  /** elements of the whole tensor */
  readonly total: number
}

export interface TensorRefusal {
  /** `missing` nothing of that digest is served · `refused` the asker is not admitted · `busy` too many transfers */
  readonly status: 'missing' | 'refused' | 'busy'
}

export function encodeTensorMark(mark: typeof TENSOR_END | typeof TENSOR_ACKNOWLEDGEMENT): Uint8Array {
  const bytes = new Uint8Array(TENSOR_MARK_BYTES)
  new DataView(bytes.buffer).setUint32(0, mark, true)
  return bytes
}

/** Error `corrupt` when the bytes are another thing than the mark. */
export function checkTensorMark(bytes: Uint8Array, mark: typeof TENSOR_END | typeof TENSOR_ACKNOWLEDGEMENT): void {
  expect(
    bytes.byteLength === TENSOR_MARK_BYTES,
    `tensor mark: got ${bytes.byteLength} bytes, expected ${TENSOR_MARK_BYTES}`
  )
  const found = new DataView(bytes.buffer, bytes.byteOffset, TENSOR_MARK_BYTES).getUint32(0, true)
  expect(found === mark, `tensor mark: got ${found.toString(16)}, expected ${mark.toString(16)}`)
}

export function encodeTensorRequest({ digest, offset, count }: TensorRequest): Uint8Array {
  checkOffset(offset, 'argument')
  checkCount(count, 'argument')
  const bytes = new Uint8Array(TENSOR_REQUEST_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, REQUEST_MAGIC, true)
  view.setUint16(4, VERSION, true)
  view.setUint32(8, offset, true)
  view.setUint32(12, count, true)
  writeDigest(bytes, 16, digest)
  return bytes
}

/** Error `corrupt` names the field that is wrong. */
export function decodeTensorRequest(bytes: Uint8Array): TensorRequest {
  const view = open(bytes, TENSOR_REQUEST_BYTES, REQUEST_MAGIC, 'tensor request')
  const offset = view.getUint32(8, true)
  const count = view.getUint32(12, true)
  checkOffset(offset, 'corrupt')
  checkCount(count, 'corrupt')
  expect(view.getUint16(6, true) === 0, 'tensor request: reserved bytes are not zero')
  return { digest: readHex(bytes, 16, TENSOR_REQUEST_BYTES), offset, count }
}

export function encodeTensorHeader(header: TensorHeader | TensorRefusal): Uint8Array {
  const bytes = new Uint8Array(TENSOR_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, HEADER_MAGIC, true)
  view.setUint16(4, VERSION, true)
  view.setUint8(7, STATUSES[header.status])
  if (header.status !== 'ok') return bytes
  checkExtent(header, 'argument')
  view.setUint8(6, DTYPES[header.dtype])
  view.setUint32(8, header.offset, true)
  view.setUint32(12, header.count, true)
  view.setUint32(16, header.total, true)
  view.setBigUint64(24, BigInt(header.count * WIDTHS[header.dtype]), true)
  writeDigest(bytes, 32, header.digest)
  return bytes
}

/** Error `corrupt` names the field that is wrong. Whether it is what was asked for is the caller's to check. */
export function decodeTensorHeader(bytes: Uint8Array): TensorHeader | TensorRefusal {
  const view = open(bytes, TENSOR_HEADER_BYTES, HEADER_MAGIC, 'tensor header')
  const status = nameOf(STATUSES, view.getUint8(7), 'tensor header: status')
  if (status !== 'ok') {
    const zero = bytes[6] === 0 && bytes.subarray(8).every((byte) => byte === 0)
    expect(zero, `tensor header: got more than the status ${status}, expected zero bytes after it`)
    return { status }
  }
  const dtype = nameOf(DTYPES, view.getUint8(6), 'tensor header: dtype')
  const offset = view.getUint32(8, true)
  const count = view.getUint32(12, true)
  const header: TensorHeader = {
    status,
    dtype,
    offset,
    count,
    total: view.getUint32(16, true),
    digest: readHex(bytes, 32, TENSOR_HEADER_BYTES)
  }
  checkExtent(header, 'corrupt')
  expect(view.getUint32(20, true) === 0, 'tensor header: reserved bytes are not zero')
  const payload = view.getBigUint64(24, true)
  const expected = count * WIDTHS[dtype]
  expect(payload === BigInt(expected), `tensor header: got ${payload} payload bytes, expected ${expected}`)
  return header
}

function open(bytes: Uint8Array, length: number, magic: number, what: string): DataView {
  expect(bytes.byteLength === length, `${what}: got ${bytes.byteLength} bytes, expected ${length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const found = view.getUint32(0, true)
  expect(found === magic, `${what}: got magic ${found.toString(16)}, expected ${magic.toString(16)}`)
  const version = view.getUint16(4, true)
  expect(version === VERSION, `${what}: got version ${version}, expected ${VERSION}; both peers need the same peergrad`)
  return view
}

function checkOffset(offset: number, code: 'argument' | 'corrupt'): void {
  if (Number.isInteger(offset) && offset >= 0 && offset < MAXIMUM_ELEMENTS && offset % TENSOR_BLOCK_ELEMENTS === 0)
    return
  const message = `tensor offset: got ${offset}, expected a multiple of ${TENSOR_BLOCK_ELEMENTS} below ${MAXIMUM_ELEMENTS}`
  throw new PeergradError(code, message)
}

function checkCount(count: number, code: 'argument' | 'corrupt'): void {
  if (Number.isInteger(count) && count >= 0 && count <= MAXIMUM_ELEMENTS) return
  throw new PeergradError(code, `tensor request: got ${count} elements, expected at most ${MAXIMUM_ELEMENTS}`)
}

function checkExtent({ offset, count, total }: TensorHeader, code: 'argument' | 'corrupt'): void {
  checkOffset(offset, code)
  if (Number.isInteger(count) && count >= 1 && offset + count <= total && total <= MAXIMUM_ELEMENTS) return
  const message = `tensor header: got elements ${offset} + ${count} of ${total}, expected a part of the whole`
  throw new PeergradError(code, `${message}, which has at most ${MAXIMUM_ELEMENTS}`)
}

function nameOf<T extends string>(table: Readonly<Record<T, number>>, value: number, what: string): T {
  for (const name in table) if (table[name] === value) return name
  throw new PeergradError('corrupt', `${what}: got ${value}, expected one of ${Object.values(table).join(', ')}`)
}

function writeDigest(bytes: Uint8Array, at: number, digest: Digest): void {
  if (!DIGEST_PATTERN.test(digest)) {
    throw new PeergradError('argument', `digest: got "${digest}", expected 64 lower-case hexadecimal digits`)
  }
  writeHex(bytes, at, digest)
}

function expect(condition: boolean, message: string): void {
  if (!condition) throw new PeergradError('corrupt', message)
}
