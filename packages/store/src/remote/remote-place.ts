import type { Arena, Digest, Logger, StoreCapabilities, Verdict } from '@peergrad/core'
import { allOf } from '../all-of.js'
import { Compute, type Spawn } from '../compute/compute.js'
import type { Named, Place, PlaceAggregation, PlaceCoding, PlaceUpdate } from '../place.js'
import { Slabs, type Slab } from '../slabs.js'
import type { RemoteTensor } from './remote-tensor.js'
import type { RemoteVectors, ServerWork } from './vectors.js'

export interface RemotePlaceInit {
  readonly name: string
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together */
  readonly limit: number
  readonly vectors: RemoteVectors
  /** left out for a server that only keeps vectors */
  readonly work?: ServerWork
  /** begins the name of every vector: of this run, this peer and this life of it */
  readonly prefix: string
  readonly spawn: Spawn
  readonly logger?: Logger
}

/**
 * The database on a server. Work that the server does moves no vector; what it cannot do is done here: its inputs are
 * read, core's kernels run in the compute worker as for the `memory` driver, the result is written.
 */
export class RemotePlace implements Place<RemoteTensor> {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly slabs: Slabs
  readonly #arena: Arena
  readonly #vectors: RemoteVectors
  readonly #work: ServerWork | undefined
  readonly #prefix: string
  readonly #compute: Compute
  readonly #logger: Logger | undefined
  readonly #deletions = new Set<Promise<void>>()
  #count = 0

  constructor({ name, arena, limit, vectors, work, prefix, spawn, logger }: RemotePlaceInit) {
    this.name = name
    this.capabilities = { denseInStore: work !== undefined, rules: work?.rules ?? [], durable: false }
    this.slabs = new Slabs(arena, limit)
    this.#arena = arena
    this.#vectors = vectors
    this.#work = work
    this.#prefix = prefix
    this.#logger = logger
    this.#compute = new Compute({
      arena,
      spawn,
      allocate: (length) => this.slabs.allocateVector(length),
      free: (vector) => this.slabs.freeVector(vector),
      ...(logger && { logger })
    })
  }

  allocate(length: number): RemoteTensor {
    this.slabs.check(length * Float32Array.BYTES_PER_ELEMENT)
    return this.#tensor(length)
  }

  free(tensor: RemoteTensor): void {
    this.slabs.bytes -= tensor.length * Float32Array.BYTES_PER_ELEMENT
    const deletion = this.#vectors.delete([tensor.name]).catch((thrown: unknown) => {
      // the next start of this peer deletes what is left
      this.#logger?.debug({ name: tensor.name, error: String(thrown) }, 'a vector was not deleted')
    })
    this.#deletions.add(deletion)
    void deletion.then(() => this.#deletions.delete(deletion))
  }

  /** For a moment the vector is there twice: past the budget only by what the lease holds, and gives back. */
  async keep(slab: Slab): Promise<RemoteTensor> {
    const tensor = this.#tensor(slab.length)
    this.slabs.retain(slab)
    try {
      await this.#vectors.write(tensor.name, slab.vector)
    } catch (thrown) {
      this.free(tensor)
      throw thrown
    } finally {
      this.slabs.release(slab)
    }
    return tensor
  }

  async load(tensor: RemoteTensor): Promise<Slab> {
    const slab = this.slabs.allocate(tensor.length)
    try {
      await this.#vectors.read(tensor.name, slab.vector)
      return slab
    } catch (thrown) {
      this.slabs.release(slab)
      throw thrown
    }
  }

  async same(a: RemoteTensor, b: RemoteTensor): Promise<boolean> {
    if (this.#work?.same !== undefined) return this.#work.same(a, b)
    return this.#here([a, b], [], ([x, y]) => this.#compute.run('equal', { a: this.#handle(x), b: this.#handle(y) }))
  }

  async average(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    if (this.#work !== undefined) return this.#work.average(from, to)
    await this.#here(from, [to], (inputs, [out]) =>
      this.#compute.run('average', { from: inputs.map((slab) => this.#handle(slab)), to: this.#handle(out) })
    )
  }

  async aggregate(request: PlaceAggregation<RemoteTensor>): Promise<void> {
    if (await this.#work?.aggregate(request)) return
    const { from, to } = request
    await this.#here(tensorsOf(from), [to], (inputs, [out]) =>
      this.#compute.run('aggregate', {
        ...request,
        from: inputs.map((slab, k) => this.#input(from[k], slab)),
        to: this.#handle(out)
      })
    )
  }

  async update(request: PlaceUpdate<RemoteTensor>): Promise<void> {
    if (this.#work !== undefined) return this.#work.update(request)
    const { from, fromState, gradient, to, toState } = request
    const moments = fromState.filter((tensor) => tensor !== undefined)
    await this.#here([from, gradient.tensor, ...moments], [to, ...toState], ([state, given, ...old], [out, ...next]) =>
      this.#compute.run('update', {
        ...request,
        from: this.#handle(state),
        fromState: next.map((_, i) => old[i] && this.#handle(old[i])),
        to: this.#handle(out),
        toState: next.map((slab) => this.#handle(slab)),
        gradient: this.#input(gradient, given)
      })
    )
  }

  async pack({ from, to, codec }: PlaceCoding<RemoteTensor>): Promise<void> {
    await this.#here([from], [to], ([input], [out]) =>
      this.#compute.run('pack', { from: this.#handle(input), to: this.#handle(out), codec })
    )
  }

  async unpack({ from, to, codec }: PlaceCoding<RemoteTensor>): Promise<void> {
    await this.#here([from], [to], ([input], [out]) =>
      this.#compute.run('unpack', { from: this.#handle(input), to: this.#handle(out), codec })
    )
  }

  async digest(tensor: RemoteTensor): Promise<Digest> {
    if (this.#work?.digest !== undefined) return this.#work.digest(tensor)
    return this.#here([tensor], [], ([slab]) => this.#compute.run('digest', { vector: this.#handle(slab) }))
  }

  async verify(tensor: RemoteTensor): Promise<Verdict> {
    if (this.#work?.verify !== undefined) return this.#work.verify(tensor)
    return this.#here([tensor], [], ([slab]) => this.#compute.run('verify', { vector: this.#handle(slab) }))
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#deletions, this.#compute.close()])
    await this.#vectors.close()
  }

  #tensor(length: number): RemoteTensor {
    this.slabs.bytes += length * Float32Array.BYTES_PER_ELEMENT
    return { name: `${this.#prefix}${this.#count++}`, length, references: 1 }
  }

  /** Reads the inputs, runs `work` on vectors of this process, and writes the outputs. These pass through the arena only. */
  async #here<R>(
    inputs: readonly RemoteTensor[],
    outputs: readonly RemoteTensor[],
    work: (inputs: Slab[], outputs: Slab[]) => Promise<R>
  ): Promise<R> {
    const passing: Slab[] = []
    const pass = ({ length }: RemoteTensor) => {
      const slab = { vector: this.#arena.allocate(length), length, references: 1 }
      passing.push(slab)
      return slab
    }
    try {
      const read = inputs.map(pass)
      await allOf(inputs.map(({ name }, i) => this.#vectors.read(name, read[i].vector)))
      const made = outputs.map(pass)
      const result = await work(read, made)
      await allOf(outputs.map(({ name }, i) => this.#vectors.write(name, made[i].vector)))
      return result
    } finally {
      for (const { vector } of passing) this.#arena.free(vector)
    }
  }

  #handle(slab: Slab) {
    return this.#arena.handle(slab.vector)
  }

  #input({ key, tensor }: Named<RemoteTensor>, slab: Slab) {
    return { key, vector: this.#handle(slab), finite: tensor.finite === true }
  }
}

function tensorsOf(named: readonly Named<RemoteTensor>[]): RemoteTensor[] {
  return named.map(({ tensor }) => tensor)
}
