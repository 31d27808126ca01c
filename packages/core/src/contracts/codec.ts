import type { Kernels } from '../kernels/index.js'
import type { Vector } from '../vector.js'

/** How a vector is packed for the wire. Deterministic: the same vector gives the same bytes, so a digest names it. */
export interface Codec {
  readonly name: string
  readonly describe: string
  /**
   * What is lost is to be added to the next vector: without that a run need not converge. A zero need not stay one, so no
   * filter can leave coordinates out.
   */
  readonly feedback?: boolean
  /** bytes of a packed vector of `length` floats, known before the first byte */
  bytes(length: number): number
  /** `out` is zeros. */
  encode(input: Vector, out: Uint8Array<SharedArrayBuffer>, kernels: Kernels): void
  /**
   * `out` is zeros. A hostile peer chooses the bytes, so no count or index in them may be believed. Whatever is thrown says that
   * `encode` gives no such bytes: the peer that sent them is refused, and so it is when the work does not end.
   */
  decode(input: Uint8Array<SharedArrayBuffer>, out: Vector, kernels: Kernels): void
}

export type CodecFactory = (options: Readonly<Record<string, number | string | boolean>>) => Codec
