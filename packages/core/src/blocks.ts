import { PeergradError } from './errors.js'

const ALIGNMENT = 64

/** A free piece, in a list of those of its size. */
interface Block {
  readonly offset: number
  readonly bytes: number
  before: Block | undefined
  behind: Block | undefined
}

/**
 * Best fit with coalescing. Memory that was used before is preferred to fresh pages, whose first touch is ten times
 * slower; a block of the wanted size is the best fit, so vectors of the few sizes of a run are recycled as they are.
 * What a call takes goes by the number of sizes that are free, not by that of free blocks.
 */
export class Blocks {
  bytesInUse = 0
  readonly #start: number
  readonly #end: number
  /** all above was never used */
  #top: number
  /** no two adjacent */
  readonly #byOffset = new Map<number, Block>()
  readonly #byEnd = new Map<number, Block>()
  /** the one that was freed last, of each size */
  readonly #bySize = new Map<number, Block>()
  /** those of which there are free blocks, ascending */
  readonly #sizes: number[] = []
  readonly #live = new Map<number, { bytes: number; asked: number }>()

  constructor(start: number, end: number) {
    this.#start = start
    this.#end = end
    this.#top = start
  }

  allocate(asked: number): number {
    const bytes = Math.max(ALIGNMENT, Math.ceil(asked / ALIGNMENT) * ALIGNMENT)
    const offset = this.#recycle(bytes) ?? this.#extend(bytes)
    this.#live.set(offset, { bytes, asked })
    this.bytesInUse += bytes
    return offset
  }

  free(offset: number, asked: number): void {
    const block = this.#live.get(offset)
    if (block === undefined || block.asked !== asked) {
      const message = `arena: got ${asked} bytes at ${offset} to free, expected a whole vector that is allocated`
      throw new PeergradError('argument', `${message} (freed twice, or a part of one?)`)
    }
    this.#live.delete(offset)
    this.bytesInUse -= block.bytes
    const before = this.#byEnd.get(offset)
    const behind = this.#byOffset.get(offset + block.bytes)
    if (before !== undefined) this.#take(before)
    if (behind !== undefined) this.#take(behind)
    this.#give(before?.offset ?? offset, (before?.bytes ?? 0) + block.bytes + (behind?.bytes ?? 0))
  }

  #recycle(bytes: number): number | undefined {
    const best = this.#bySize.get(bytes) ?? this.#bySize.get(this.#sizes[this.#place(bytes)])
    if (best === undefined) return undefined
    this.#take(best)
    if (best.bytes > bytes) this.#give(best.offset + bytes, best.bytes - bytes)
    return best.offset
  }

  #extend(bytes: number): number {
    const last = this.#byEnd.get(this.#top)
    const offset = last?.offset ?? this.#top
    if (offset + bytes > this.#end) this.#full(bytes)
    if (last !== undefined) this.#take(last)
    this.#top = offset + bytes
    return offset
  }

  #give(offset: number, bytes: number): void {
    const behind = this.#bySize.get(bytes)
    const block: Block = { offset, bytes, before: undefined, behind }
    if (behind === undefined) this.#sizes.splice(this.#place(bytes), 0, bytes)
    else behind.before = block
    this.#bySize.set(bytes, block)
    this.#byOffset.set(offset, block)
    this.#byEnd.set(offset + bytes, block)
  }

  #take({ offset, bytes, before, behind }: Block): void {
    this.#byOffset.delete(offset)
    this.#byEnd.delete(offset + bytes)
    if (behind !== undefined) behind.before = before
    if (before !== undefined) before.behind = behind
    else if (behind !== undefined) this.#bySize.set(bytes, behind)
    else {
      this.#bySize.delete(bytes)
      this.#sizes.splice(this.#place(bytes), 1)
    }
  }

  /** Of the first size that is not below `bytes`. */
  #place(bytes: number): number {
    let [low, high] = [0, this.#sizes.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sizes[middle] < bytes) low = middle + 1
      else high = middle
    }
    return low
  }

  #full(bytes: number): never {
    const limit = this.#end - this.#start
    const free = limit - this.bytesInUse
    const why = free >= bytes ? `${free} are free, but in no single piece of that size` : `${free} are free`
    throw new PeergradError(
      'full',
      `arena: ${bytes} bytes asked for, ${this.bytesInUse} of ${limit} in use, ${why}; raise the budget or free vectors`,
      { bytes, inUse: this.bytesInUse, limit }
    )
  }
}
