import type { Vector } from '@peergrad/core'
import { Slabs, type Slab } from '../slabs.js'

/** Slabs whose vectors may stand for others: what came from another store of the same process is not copied. */
export class SharedSlabs extends Slabs {
  /** vectors that are not free, by where they lie */
  readonly #live = new Map<number, Vector>()
  /** vectors that were freed while somebody may still have had them */
  readonly #cleared = new WeakSet<Vector>()
  /** slabs that are lent, by their vectors */
  readonly #lent = new WeakMap<Vector, Slab>()
  /** what allocated vectors stand for, each with a reference of its own */
  readonly #standing = new Map<Vector, Slab>()

  /** The vector of a slab that its store hands out. */
  lend(slab: Slab): void {
    this.#lent.set(slab.vector, slab)
  }

  /**
   * Makes a leased vector stand for one that was lent: its own floats are never written. Copied when that cannot be,
   * for a part of a vector or one that is in no store.
   */
  deliver(from: Vector, into: Vector): void {
    const slab = this.#lent.get(from)
    if (slab === undefined || from.length !== into.length || !this.#isWhole(into)) return void into.set(from)
    this.#drop(into)
    this.retain(slab)
    this.#standing.set(into, slab)
  }

  /** The slab that holds the floats of a leased one: itself, or what it stands for. One more reference. */
  content(slab: Slab): Slab {
    const content = this.#standing.get(slab.vector) ?? slab
    this.retain(content)
    return content
  }

  /** Frees every vector, those on loan too: a hostile peer may have left some. */
  clear(): void {
    for (const vector of [...this.#standing.keys()]) this.#drop(vector)
    for (const vector of [...this.#live.values()]) {
      this.freeVector(vector)
      this.#cleared.add(vector)
    }
  }

  override allocateVector(length: number): Vector {
    const vector = super.allocateVector(length)
    this.#live.set(vector.byteOffset, vector)
    return vector
  }

  override freeVector(vector: Vector): void {
    if (this.#cleared.has(vector)) return
    this.#live.delete(vector.byteOffset)
    this.#drop(vector)
    super.freeVector(vector)
  }

  /** By that object `clear` and `deliver` know it. */
  override given(view: Vector): Vector {
    return this.#live.get(view.byteOffset) ?? view
  }

  /** Not a part of one. */
  #isWhole(vector: Vector): boolean {
    return this.#live.get(vector.byteOffset) === vector
  }

  #drop(vector: Vector): void {
    const slab = this.#standing.get(vector)
    if (slab !== undefined && this.#standing.delete(vector)) this.release(slab)
  }
}
