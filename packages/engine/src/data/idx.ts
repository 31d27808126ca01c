import { PeergradError } from '@peergrad/core'

/** Values of an IDX file of bytes: what LeCun's MNIST page calls magic number, sizes, data. */
export interface Idx {
  /** e.g. [60000, 28, 28] */
  readonly sizes: readonly number[]
  readonly values: Uint8Array
}

const UNSIGNED_BYTE = 0x08

/** Reads an IDX file of unsigned bytes with `dimensions` sizes. Error `corrupt` says what was expected. */
export function parseIdx(path: string, bytes: Uint8Array, dimensions: number): Idx {
  const header = 4 + 4 * dimensions
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = bytes.length >= header ? view.getUint32(0) : undefined
  if (magic !== ((UNSIGNED_BYTE << 8) | dimensions)) {
    const got = magic === undefined ? `${bytes.length} bytes` : `the magic number ${magic}`
    const message = `${path}: got ${got}, expected an IDX file of bytes with ${dimensions} dimensions`
    throw new PeergradError('corrupt', `${message} (magic number ${(UNSIGNED_BYTE << 8) | dimensions})`, { path })
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i))
  const length = sizes.reduce((product, size) => product * size, 1)
  if (bytes.length !== header + length) {
    const message = `${path}: got ${bytes.length} bytes, expected ${header + length} for sizes ${sizes.join(' × ')}`
    throw new PeergradError('corrupt', message, { path })
  }
  return { sizes, values: bytes.subarray(header) }
}
