import { PeergradError, type Arena, type Vector } from '@peergrad/core'
import type { Tensor } from './place.js'

/** A vector of the arena, kept while anything refers to it. What is found out of its content holds from `put` on. */
export interface Slab extends Tensor {
  readonly vector: Vector
}

/**
 * Reference-counted vectors of one arena under a budget of bytes, which tensors that lie elsewhere count against too.
 * The arena recycles what is freed.
 */
export class Slabs {
  readonly #arena: Arena
  readonly limit: number
  bytes = 0

  constructor(arena: Arena, limit: number) {
    if (!(limit > 0)) {
      throw new PeergradError('argument', `store: got a budget of ${limit} bytes, expected a number above 0`)
    }
    this.#arena = arena
    this.limit = limit
  }

  /** A slab with one reference. Error `full` with the sum, and nothing is allocated. */
  allocate(length: number): Slab {
    return { vector: this.allocateVector(length), length, references: 1 }
  }

  retain(slab: Slab): void {
    slab.references++
  }

  release(slab: Slab): void {
    if (--slab.references === 0) this.freeVector(slab.vector)
  }

  allocateVector(length: number): Vector {
    this.check(length * Float32Array.BYTES_PER_ELEMENT)
    const vector = this.#arena.allocate(length)
    this.bytes += vector.byteLength
    return vector
  }

  /** The vector that `allocateVector` gave where this one lies. */
  given(view: Vector): Vector {
    return view
  }

  /** Error `full` when so many bytes more are past the budget. */
  check(wanted: number): void {
    const sum = this.bytes + wanted
    if (sum > this.limit) {
      throw new PeergradError(
        'full',
        `store: ${this.bytes} bytes held + ${wanted} asked for = ${sum}, over the budget of ${this.limit}; ` +
          'delete keys, release leases or raise the budget',
        { held: this.bytes, wanted, limit: this.limit }
      )
    }
  }

  freeVector(vector: Vector): void {
    this.bytes -= vector.byteLength
    this.#arena.free(vector)
  }
}
