import { PeergradError } from '../errors.js'

export const SLOT_BYTES = 16_384
const SLOTS = 63

/**
 * Bytes at the start of every arena that no vector uses: one lock word per slot (and the never-used address 0), then
 * the slots. A kernel that needs scratch takes a slot for the length of one call, so that any number of threads
 * share one memory.
 */
export const SCRATCH_BYTES = SLOT_BYTES * (SLOTS + 1)

/** The same with so many of them. */
export function withScratches<T>(buffer: SharedArrayBuffer, count: number, work: (byteOffsets: number[]) => T): T {
  if (count === 0) return work([])
  return withScratch(buffer, (first) => withScratches(buffer, count - 1, (others) => work([first, ...others])))
}

/**
 * Calls `work` with the byte offset of 16 KiB that no other thread touches meanwhile.
 * Error `full` when 63 calls are in flight at once, or were cut off by the end of their threads.
 */
export function withScratch<T>(buffer: SharedArrayBuffer, work: (byteOffset: number) => T): T {
  const locks = new Int32Array(buffer, SLOT_BYTES - 4 * SLOTS, SLOTS)
  for (let slot = 0; slot < SLOTS; slot++) {
    if (Atomics.compareExchange(locks, slot, 0, 1) !== 0) continue
    try {
      return work(SLOT_BYTES * (slot + 1))
    } finally {
      Atomics.store(locks, slot, 0)
    }
  }
  throw new PeergradError(
    'full',
    `kernels: all ${SLOTS} scratch slots of the arena are taken, expected fewer calls at once`
  )
}
