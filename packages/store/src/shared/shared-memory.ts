import type { Arena, Clock, GradientStore, Logger, Vector } from '@peergrad/core'
import type { Spawn } from '../compute/compute.js'
import { spawnThread } from '../compute/node.js'
import { MemoryPlace } from '../memory/memory-place.js'
import { TensorStore } from '../tensor-store.js'
import { SharedPlace } from './shared-place.js'
import { SharedSlabs } from './shared-slabs.js'

export interface SharedMemoryInit {
  /** where the vectors of all stores lie; this thread must have created it */
  readonly arena: Arena
  /** milliseconds that a plug-in may work on one call; for ever when left out */
  readonly pluginTimeout?: number
  readonly logger?: Logger
}

/**
 * The memory of a simulation: stores of many peers in one process, which do not know of each other. Bits that several
 * hold lie there once, and what follows from equal inputs is computed once. The keys, leases, checks and expiry of each
 * are those of every driver.
 */
export class SharedMemory {
  readonly #memory: MemoryPlace
  readonly #slabs: SharedSlabs
  readonly #place: SharedPlace

  constructor(init: SharedMemoryInit, spawn: Spawn = spawnThread) {
    this.#slabs = new SharedSlabs(init.arena, init.arena.byteLimit)
    this.#memory = new MemoryPlace({ ...init, slabs: this.#slabs, spawn })
    this.#memory.start()
    this.#place = new SharedPlace(this.#memory, this.#slabs)
  }

  /** A peer's store. `clock` is of expiry. */
  open(clock: Clock): GradientStore {
    return new TensorStore(this.#place, clock)
  }

  /** What a network in memory does in the place of copying a whole vector from one store's to another's. */
  deliver(from: Vector, into: Vector): void {
    this.#slabs.deliver(from, into)
  }

  /** Gives everything back: the run is over, and its stores are closed. Leases that are still out are good no more. */
  clear(): void {
    this.#place.forget()
    this.#slabs.clear()
  }

  /** Ends the worker. The stores must be closed. */
  close(): Promise<void> {
    this.clear()
    return this.#memory.close()
  }
}
