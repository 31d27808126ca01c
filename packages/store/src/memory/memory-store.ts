import { systemClock, type Arena, type Clock, type Logger } from '@peergrad/core'
import type { Spawn } from '../compute/compute.js'
import { Slabs, type Slab } from '../slabs.js'
import { TensorStore } from '../tensor-store.js'
import { MemoryPlace } from './memory-place.js'

export interface MemoryStoreInit {
  /** where the vectors lie; this thread must have created it */
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together; the whole arena when left out */
  readonly limit?: number
  /** of expiry; the machine's when left out */
  readonly clock?: Clock
  /** milliseconds that a plug-in may work on one call; for ever when left out */
  readonly pluginTimeout?: number
  readonly logger?: Logger
}

/** The `memory` driver, for a platform that brings its worker. */
export class MemoryStore extends TensorStore<Slab> {
  constructor({ limit, clock = systemClock(), ...init }: MemoryStoreInit, spawn: Spawn) {
    const place = new MemoryPlace({ ...init, slabs: new Slabs(init.arena, limit ?? init.arena.byteLimit), spawn })
    place.start()
    super(place, clock)
  }
}
