import { systemClock, type Clock } from '@peergrad/core'
import type { Spawn } from '../compute/compute.js'
import type { Slab } from '../slabs.js'
import { TensorStore } from '../tensor-store.js'
import { MemoryPlace, type MemoryPlaceInit } from './memory-place.js'

export interface MemoryStoreInit extends MemoryPlaceInit {
  /** of expiry; the machine's when left out */
  readonly clock?: Clock
}

/** The `memory` driver, for a platform that brings its worker. */
export class MemoryStore extends TensorStore<Slab> {
  constructor({ clock = systemClock(), ...init }: MemoryStoreInit, spawn: Spawn) {
    super(new MemoryPlace(init, spawn), clock)
  }
}
