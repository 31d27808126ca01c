import type { Vector } from '../vector.js'
import type { KernelModule } from './module.js'
import { SLOT_BYTES, withScratch, withScratches } from './scratch.js'

/** Floats of a block, and bytes of one that is widened to float64. */
const BLOCK = 128
const WIDE_BYTES = BLOCK * 8
const WIDE_PER_SLOT = SLOT_BYTES / WIDE_BYTES

/** Inputs of which blocks are widened at once: what those of 16 take fits into the first-level cache. */
export const WIDENED = 32

/** What works on the widened blocks of up to `WIDENED` inputs, one block of coordinates after the other. */
interface Widened {
  /** address of the widened block of each input */
  readonly blocks: readonly number[]
  /** writes 32-bit words to scratch, and returns their address */
  words(values: readonly number[]): number
  /** goes over the coordinates; `bytes` stand before a block of `count` floats */
  each(work: (bytes: number, count: number) => void): void
}

/**
 * Calls `work` with room for the widened blocks, and with the address of `reserved` bytes of scratch, before which there is
 * nothing else in it.
 */
export function withWidened<T>(
  { wasm, buffer }: { readonly wasm: KernelModule; readonly buffer: SharedArrayBuffer },
  inputs: readonly Vector[],
  reserved: number,
  work: (widened: Widened, at: number) => T
): T {
  return withScratches(buffer, Math.ceil(inputs.length / WIDE_PER_SLOT), (slots) => {
    const blocks = inputs.map((_, k) => slots[Math.floor(k / WIDE_PER_SLOT)] + (k % WIDE_PER_SLOT) * WIDE_BYTES)
    return withScratch(buffer, (at) => {
      let free = at + reserved
      const words = (values: readonly number[]) => {
        const address = free
        new Uint32Array(buffer, address, values.length).set(values)
        free += values.length * 4
        return address
      }
      const inputsAt = words(inputs.map(({ byteOffset }) => byteOffset))
      const blocksAt = words(blocks)
      const [{ length }] = inputs
      const each: Widened['each'] = (pass) => {
        for (let start = 0; start < length; start += BLOCK) {
          const count = Math.min(BLOCK, length - start)
          wasm.widen(inputsAt, blocksAt, inputs.length, start * 4, count)
          pass(start * 4, count)
        }
      }
      return work({ blocks, words, each }, at)
    })
  })
}
