import { PeergradError, TENSOR_BLOCK_ELEMENTS } from '@peergrad/core'

const BLOCK_BYTES = TENSOR_BLOCK_ELEMENTS * 4

/** Of a vector, in bytes. */
export interface Part {
  /** of the whole */
  readonly bytes: number
  readonly offset: number
  readonly length: number
}

/** Error `argument` for a part that does not start at a block or does not lie inside the whole. */
export function checkPart({ bytes, offset, length }: Part): void {
  if (Number.isInteger(offset) && offset >= 0 && offset % BLOCK_BYTES === 0 && length > 0 && offset + length <= bytes)
    return
  const message = `fetch: got ${length} bytes from ${offset} on, expected a part of the ${bytes} bytes of the whole`
  throw new PeergradError('argument', `${message} that starts at a multiple of ${BLOCK_BYTES}`)
}
