import { PeergradError, type Lease } from '@peergrad/core'
import type { Slab, Slabs } from './slabs.js'

/** Vectors on loan, and who they are. */
export class Leases {
  readonly #slabs: Slabs
  readonly #lent = new WeakMap<Lease, Slab>()

  constructor(slabs: Slabs) {
    this.#slabs = slabs
  }

  /** A lease that takes over one reference. */
  lend(slab: Slab): Lease {
    const lease: Lease = {
      vector: slab.vector,
      release: () => {
        if (this.#lent.delete(lease)) this.#slabs.release(slab)
      }
    }
    this.#lent.set(lease, slab)
    return lease
  }

  /** Error `argument` for a lease that is not out. */
  slabOf(lease: Lease, key: string): Slab {
    const slab = this.#lent.get(lease)
    if (slab !== undefined) return slab
    const message = `store: put "${key}" got a lease that is released, put before, or not of this store`
    throw new PeergradError('argument', message)
  }
}
