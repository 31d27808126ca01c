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
  readonly logger?: Logger
}

/** The `memory` driver, for a platform that brings its worker. */
export class MemoryStore extends TensorStore<Slab> {
  constructor({ arena, limit = arena.byteLimit, clock = systemClock(), logger }: MemoryStoreInit, spawn: Spawn) {
    const place = new MemoryPlace({ arena, slabs: new Slabs(arena, limit), spawn, ...(logger && { logger }) })
    place.start()
    super(place, clock)
  }
}
