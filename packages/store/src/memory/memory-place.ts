import type { Arena, Digest, Logger, StoreCapabilities, VectorHandle, Verdict } from '@peergrad/core'
import { Compute, type Spawn } from '../compute/compute.js'
import type {
  Named,
  Place,
  PlaceAggregation,
  PlaceFeedback,
  Term,
  PlaceFilter,
  PlacePacking,
  PlaceUnpacking,
  PlaceUpdate
} from '../place.js'
import type { Slab, Slabs } from '../slabs.js'

export interface MemoryPlaceInit {
  /** where the vectors lie; this thread must have created it */
  readonly arena: Arena
  /** of that arena */
  readonly slabs: Slabs
  readonly spawn: Spawn
  /** milliseconds that a plug-in may work on one call; for ever when left out */
  readonly pluginTimeout?: number
  readonly logger?: Logger
}

/**
 * The database in the peer's own process: vectors lie in the arena that engine, network and store share, so `keep` and
 * `load` move no byte, and dense work runs in one worker thread, call by call in the order of arrival.
 */
export class MemoryPlace implements Place<Slab> {
  readonly name = 'memory'
  readonly capabilities: StoreCapabilities = { denseInStore: true, rules: 'any' }
  readonly slabs: Slabs
  readonly #arena: Arena
  readonly #compute: Compute

  constructor({ arena, slabs, spawn, pluginTimeout, logger }: MemoryPlaceInit) {
    this.#arena = arena
    this.slabs = slabs
    this.#compute = new Compute({
      arena,
      spawn,
      allocate: (length) => this.slabs.allocateVector(length),
      free: (vector) => this.slabs.freeVector(vector),
      ...(pluginTimeout !== undefined && { pluginTimeout }),
      ...(logger && { logger })
    })
  }

  /** Starts the worker ahead of the first call. */
  start(): void {
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

  async filter({ from, held, state, ...how }: PlaceFilter<Slab>): Promise<{ to: Slab; rest: Slab }> {
    const rest = this.allocate(how.parameters)
    try {
      const to = await this.#compute.run('filter', {
        ...how,
        from: this.#input(from),
        held: held && this.#input(held),
        state: this.#handle(state),
        rest: this.#handle(rest)
      })
      return { to: this.#made(to), rest }
    } catch (thrown) {
      this.free(rest)
      throw thrown
    }
  }

  async pack({ from, ...how }: PlacePacking<Slab>): Promise<Slab> {
    const packed = await this.#compute.run('pack', { from: this.#handle(from), ...how })
    if (packed !== undefined) return this.#made(packed)
    this.slabs.retain(from)
    return from
  }

  unpack({ from, to, ...how }: PlaceUnpacking<Slab>): Promise<void> {
    return this.#compute.run('unpack', { from: this.#handle(from), to: this.#handle(to), ...how })
  }

  slice(from: Slab, offset: number, to: Slab): Promise<void> {
    const part = this.#arena.handle(from.vector.subarray(offset, offset + to.length))
    return this.#compute.run('join', { from: [part], to: this.#handle(to) })
  }

  join(from: readonly Slab[], to: Slab): Promise<void> {
    return this.#compute.run('join', { from: from.map((slab) => this.#handle(slab)), to: this.#handle(to) })
  }

  combine(terms: readonly Term<Slab>[], to: Slab): Promise<void> {
    const handles = terms.map(({ tensor, factor }) => ({ vector: this.#handle(tensor), factor }))
    return this.#compute.run('combine', { terms: handles, to: this.#handle(to) })
  }

  feedback({ rest, sent, shared, to }: PlaceFeedback<Slab>): Promise<void> {
    const [a, b, c, out] = [rest, sent, shared, to].map((slab) => this.#handle(slab))
    return this.#compute.run('feedback', { rest: a, sent: b, shared: c, to: out })
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

  /** What a job made, with one reference. */
  #made(handle: VectorHandle): Slab {
    return { vector: this.slabs.given(this.#arena.view(handle)), length: handle.length, references: 1 }
  }

  #input({ key, tensor }: Named<Slab>) {
    return { key, vector: this.#handle(tensor), finite: tensor.finite === true }
  }
}
