import type { Arena, Digest, Logger, StoreCapabilities, Verdict } from '@peergrad/core'
import { Compute, type Spawn } from '../compute/compute.js'
import type { Named, Place, PlaceAggregation, PlaceCoding, PlaceUpdate } from '../place.js'
import { Slabs, type Slab } from '../slabs.js'

export interface MemoryPlaceInit {
  /** where the vectors lie; this thread must have created it */
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together; the whole arena when left out */
  readonly limit?: number
  readonly logger?: Logger
}

/**
 * The database in the peer's own process: vectors lie in the arena that engine, network and store share, so `keep` and
 * `load` move no byte, and dense work runs in one worker thread, call by call in the order of arrival.
 */
export class MemoryPlace implements Place<Slab> {
  readonly name = 'memory'
  readonly capabilities: StoreCapabilities = { denseInStore: true, rules: 'any', durable: false }
  readonly slabs: Slabs
  readonly #arena: Arena
  readonly #compute: Compute

  constructor({ arena, limit = arena.byteLimit, logger }: MemoryPlaceInit, spawn: Spawn) {
    this.#arena = arena
    this.slabs = new Slabs(arena, limit)
    this.#compute = new Compute({
      arena,
      spawn,
      allocate: (length) => this.slabs.allocateVector(length),
      free: (vector) => this.slabs.freeVector(vector),
      ...(logger && { logger })
    })
    this.#compute.start()
  }

  allocate(length: number): Slab {
    return this.slabs.allocate(length)
  }

  free(slab: Slab): void {
    this.slabs.freeVector(slab.vector)
  }

  async keep(slab: Slab): Promise<Slab> {
    this.slabs.retain(slab)
    return slab
  }

  async load(slab: Slab): Promise<Slab> {
    this.slabs.retain(slab)
    return slab
  }

  same(a: Slab, b: Slab): Promise<boolean> {
    return this.#compute.run('equal', { a: this.#handle(a), b: this.#handle(b) })
  }

  average(from: readonly Slab[], to: Slab): Promise<void> {
    return this.#compute.run('average', { from: from.map((slab) => this.#handle(slab)), to: this.#handle(to) })
  }

  aggregate(request: PlaceAggregation<Slab>): Promise<void> {
    const from = request.from.map((named) => this.#input(named))
    return this.#compute.run('aggregate', { ...request, from, to: this.#handle(request.to) })
  }

  update(request: PlaceUpdate<Slab>): Promise<void> {
    return this.#compute.run('update', {
      ...request,
      from: this.#handle(request.from),
      fromState: request.fromState.map((slab) => slab && this.#handle(slab)),
      to: this.#handle(request.to),
      toState: request.toState.map((slab) => this.#handle(slab)),
      gradient: this.#input(request.gradient)
    })
  }

  pack({ from, to, codec }: PlaceCoding<Slab>): Promise<void> {
    return this.#compute.run('pack', { from: this.#handle(from), to: this.#handle(to), codec })
  }

  unpack({ from, to, codec }: PlaceCoding<Slab>): Promise<void> {
    return this.#compute.run('unpack', { from: this.#handle(from), to: this.#handle(to), codec })
  }

  digest(slab: Slab): Promise<Digest> {
    return this.#compute.run('digest', { vector: this.#handle(slab) })
  }

  verify(slab: Slab): Promise<Verdict> {
    return this.#compute.run('verify', { vector: this.#handle(slab) })
  }

  close(): Promise<void> {
    return this.#compute.close()
  }

  #handle(slab: Slab) {
    return this.#arena.handle(slab.vector)
  }

  #input({ key, tensor }: Named<Slab>) {
    return { key, vector: this.#handle(tensor), finite: tensor.finite === true }
  }
}
