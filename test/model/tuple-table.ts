const FIRST_CAPACITY = 1 << 12

/** Numbers the pairs of two integers that were added, from 0 in their order. */
class PairTable {
  size = 0
  #left = new Int32Array(FIRST_CAPACITY)
  #right = new Int32Array(FIRST_CAPACITY)
  /** open addressing; a slot holds the number of a pair plus one, or 0 */
  #slots = new Int32Array(FIRST_CAPACITY * 2)

  add(left: number, right: number): number {
    const slot = this.#find(left, right)
    if (this.#slots[slot] > 0) return this.#slots[slot] - 1
    if (this.size === this.#left.length) {
      this.#grow()
      return this.add(left, right)
    }
    this.#left[this.size] = left
    this.#right[this.size] = right
    this.#slots[slot] = ++this.size
    return this.size - 1
  }

  /** -1: it was not added */
  indexOf(left: number, right: number): number {
    return this.#slots[this.#find(left, right)] - 1
  }

  left(index: number): number {
    return this.#left[index]
  }

  right(index: number): number {
    return this.#right[index]
  }

  /** The slot of this pair, or the free one where it belongs. */
  #find(left: number, right: number): number {
    const mask = this.#slots.length - 1
    let hash = Math.imul(left ^ Math.imul(right, 0x85ebca6b), 0x9e3779b1)
    hash ^= hash >>> 15
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#slots[slot] - 1
      if (index < 0 || (this.#left[index] === left && this.#right[index] === right)) return slot
    }
  }

  #grow(): void {
    const longer = (from: Int32Array) => {
      const to = new Int32Array(from.length * 2)
      to.set(from)
      return to
    }
    this.#left = longer(this.#left)
    this.#right = longer(this.#right)
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (let index = 0; index < this.size; index++) {
      this.#slots[this.#find(this.#left[index], this.#right[index])] = index + 1
    }
  }
}

/**
 * A set of tuples of `width` ≥ 2 integers, numbered from 0 in the order in which they were added: pairs of pairs, so that
 * what tuples have in common is stored once and each costs some 20 bytes. Exact: nothing is told apart by a hash alone.
 */
export class TupleTable {
  readonly #levels: PairTable[]

  constructor(width: number) {
    this.#levels = Array.from({ length: width - 1 }, () => new PairTable())
  }

  get size(): number {
    return this.#levels[this.#levels.length - 1].size
  }

  /** The number of this tuple: the former `size`, if it is new. */
  add(tuple: readonly number[]): number {
    let index = tuple[0]
    for (let level = 0; level < this.#levels.length; level++) index = this.#levels[level].add(index, tuple[level + 1])
    return index
  }

  has(tuple: readonly number[]): boolean {
    let index = tuple[0]
    for (let level = 0; level < this.#levels.length && index >= 0; level++) {
      index = this.#levels[level].indexOf(index, tuple[level + 1])
    }
    return index >= 0
  }

  read(index: number): number[] {
    const tuple = new Array<number>(this.#levels.length + 1)
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      tuple[level + 1] = this.#levels[level].right(index)
      index = this.#levels[level].left(index)
    }
    tuple[0] = index
    return tuple
  }
}
