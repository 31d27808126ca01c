import { PeergradError } from '@peergrad/core'

import { blocks, lengthOf } from './files.js'

/** What the header of an IDX file of bytes says: what LeCun's MNIST page calls magic number and sizes. */
export interface IdxHeader {
  /** e.g. [60000, 28, 28] */
  readonly sizes: readonly number[]
  /** byte at which the values begin */
  readonly offset: number
}

const UNSIGNED_BYTE = 0x08

/** Reads the header of an IDX file of unsigned bytes with `dimensions` sizes. Error `corrupt` says what was expected. */
export async function readIdxHeader(path: string, dimensions: number, signal?: AbortSignal): Promise<IdxHeader> {
  const offset = 4 + 4 * dimensions
  const length = await lengthOf(path)
  const head = await firstBytes(path, offset, signal)
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const magic = head.length === offset ? view.getUint32(0) : undefined
  if (magic !== ((UNSIGNED_BYTE << 8) | dimensions)) {
    const got = magic === undefined ? `${length} bytes` : `the magic number ${magic}`
    const message = `${path}: got ${got}, expected an IDX file of bytes with ${dimensions} dimensions`
    throw new PeergradError('corrupt', `${message} (magic number ${(UNSIGNED_BYTE << 8) | dimensions})`, { path })
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i))
  const values = sizes.reduce((product, size) => product * size, 1)
  if (values === 0) {
    throw new PeergradError('corrupt', `${path}: got the sizes ${sizes.join(' × ')}, expected each from 1`, { path })
  }
  if (length !== offset + values) {
    const message = `${path}: got ${length} bytes, expected ${offset + values} for sizes ${sizes.join(' × ')}`
    throw new PeergradError('corrupt', message, { path })
  }
  return { sizes, offset }
}

async function firstBytes(path: string, size: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  for await (const block of blocks(path, { size, signal })) return block
  return new Uint8Array(0)
}
