import type { Arena, Clock, Digest, Logger, StoreCapabilities, Verdict } from '@peergrad/core'
import { allOf } from '../all-of.js'
import type { Spawn } from '../compute/compute.js'
import { MemoryPlace } from '../memory/memory-place.js'
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
import { Slabs, type Slab } from '../slabs.js'
import { Columns } from './columns.js'
import { Ledger } from './ledger.js'
import type { RemoteTensor } from './remote-tensor.js'
import { Streamed } from './streamed.js'
import type { DenseWork, RemoteVectors, ServerParts, ServerWork } from './vectors.js'

export type RemotePlaceInit = ServerParts & {
  readonly name: string
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together */
  readonly limit: number
  /** begins the name of every vector: of this run, this peer and this life of it */
  readonly prefix: string
  readonly spawn: Spawn
  readonly clock: Clock
  /** milliseconds that a plug-in may work on one call; for ever when left out */
  readonly pluginTimeout?: number
  readonly logger?: Logger
}

/**
 * The database on a server. Work that the server does moves no vector. What it cannot do is done here by the `memory` driver:
 * average, update and rules per coordinate column by column, anything else on whole vectors that are read for it.
 */
export class RemotePlace implements Place<RemoteTensor> {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly slabs: Slabs
  readonly #arena: Arena
  readonly #vectors: RemoteVectors
  readonly #work: ServerWork | undefined
  /** of the server, or here column by column */
  readonly #dense: DenseWork
  readonly #ledger: Ledger
  /** starts its worker when there is something to do here */
  readonly #memory: MemoryPlace

  constructor(init: RemotePlaceInit) {
    const { name, arena, limit, vectors, work, prefix, spawn, clock, pluginTimeout, logger } = init
    this.name = name
    this.capabilities = { denseInStore: work !== undefined, rules: work?.rules ?? [] }
    this.slabs = new Slabs(arena, limit)
    this.#arena = arena
    this.#vectors = vectors
    this.#work = work
    this.#ledger = new Ledger({ slabs: this.slabs, vectors, prefix, clock, ...(logger && { logger }) })
    this.#memory = new MemoryPlace({
      arena,
      slabs: this.slabs,
      spawn,
      ...(pluginTimeout !== undefined && { pluginTimeout }),
      ...(logger && { logger })
    })
    this.#dense = init.work === undefined ? new Streamed(new Columns(arena, init.vectors), this.#memory) : init.work
  }

  allocate(length: number): RemoteTensor {
    return this.#ledger.allocate(length)
  }

  free(tensor: RemoteTensor): void {
    this.#ledger.free(tensor)
  }

  async keep(slab: Slab): Promise<RemoteTensor> {
    this.slabs.retain(slab)
    try {
      return await this.#ledger.write(slab)
    } finally {
      this.slabs.release(slab)
    }
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
    return this.#here([a, b], [], ([x, y]) => this.#memory.same(x, y))
  }

  average(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    return this.#dense.average(from, to)
  }

  async aggregate(request: PlaceAggregation<RemoteTensor>): Promise<void> {
    if (request.pre.length === 0 && (await this.#dense.aggregate(request))) return
    const { from, to } = request
    await this.#here(tensorsOf(from), [to], (inputs, [out]) =>
      this.#memory.aggregate({ ...request, from: inputs.map((tensor, k) => ({ key: from[k].key, tensor })), to: out })
    )
  }

  update(request: PlaceUpdate<RemoteTensor>): Promise<void> {
    return this.#dense.update(request)
  }

  async filter(request: PlaceFilter<RemoteTensor>): Promise<{ to: RemoteTensor; rest: RemoteTensor }> {
    const there = await this.#filterThere(request)
    if (there !== undefined) return there
    const { from, held, state } = request
    const before = held === undefined ? [] : [held.tensor]
    return this.#here([from.tensor, state, ...before], [], async ([gradient, model, old]) => {
      const { to, rest } = await this.#memory.filter({
        ...request,
        from: { key: from.key, tensor: gradient },
        held: held && { key: held.key, tensor: old },
        state: model
      })
      const [sent, left] = await this.#move([to, rest])
      return { to: sent, rest: left }
    })
  }

  async pack(request: PlacePacking<RemoteTensor>): Promise<RemoteTensor> {
    const { from } = request
    const there = await this.#ledger.adopt(async (name) => this.#work?.pack?.(request, name))
    if (there !== undefined) return there
    return this.#here([from], [], async ([input]) => {
      const to = await this.#memory.pack({ ...request, from: input })
      if (to !== input) return (await this.#move([to]))[0]
      from.references++
      return from
    })
  }

  async unpack(request: PlaceUnpacking<RemoteTensor>): Promise<void> {
    if (await this.#work?.unpack?.(request)) return
    const { from, to } = request
    await this.#here([from], [to], ([input], [out]) => this.#memory.unpack({ ...request, from: input, to: out }))
  }

  async slice(from: RemoteTensor, offset: number, to: RemoteTensor): Promise<void> {
    if (this.#work?.slice !== undefined) return this.#work.slice(from, offset, to)
    await this.#here([from], [to], ([input], [out]) => this.#memory.slice(input, offset, out))
  }

  async join(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    if (this.#work?.join !== undefined) return this.#work.join(from, to)
    await this.#here(from, [to], (inputs, [out]) => this.#memory.join(inputs, out))
  }

  async combine(terms: readonly Term<RemoteTensor>[], to: RemoteTensor): Promise<void> {
    const inputs = terms.map(({ tensor }) => tensor)
    await this.#here(inputs, [to], (slabs, [out]) =>
      this.#memory.combine(
        slabs.map((tensor, i) => ({ tensor, factor: terms[i].factor })),
        out
      )
    )
  }

  async feedback({ rest, sent, shared, to }: PlaceFeedback<RemoteTensor>): Promise<void> {
    await this.#here([rest, sent, shared], [to], ([a, b, c], [out]) =>
      this.#memory.feedback({ rest: a, sent: b, shared: c, to: out })
    )
  }

  async digest(tensor: RemoteTensor): Promise<Digest> {
    if (this.#work?.digest !== undefined) return this.#work.digest(tensor)
    return this.#here([tensor], [], ([slab]) => this.#memory.digest(slab))
  }

  async verify(tensor: RemoteTensor): Promise<Verdict> {
    if (this.#work?.verify !== undefined) return this.#work.verify(tensor)
    return this.#here([tensor], [], ([slab]) => this.#memory.verify(slab))
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#ledger.close(), this.#memory.close()])
    await this.#vectors.close()
  }

  /** Undefined when the server does not know the filter. */
  async #filterThere(
    request: PlaceFilter<RemoteTensor>
  ): Promise<{ to: RemoteTensor; rest: RemoteTensor } | undefined> {
    if (this.#work?.filter === undefined) return undefined
    const rest = this.allocate(request.parameters)
    let to: RemoteTensor | undefined
    try {
      to = await this.#ledger.adopt(async (name) => this.#work?.filter?.(request, name, rest))
      return to && { to, rest }
    } finally {
      if (to === undefined) this.free(rest)
    }
  }

  /** Writes what was made here to the server, all of it or nothing. */
  async #move(made: readonly Slab[]): Promise<RemoteTensor[]> {
    const moved: RemoteTensor[] = []
    try {
      for (const slab of made) moved.push(await this.#ledger.write(slab))
      return moved
    } catch (thrown) {
      for (const tensor of moved) this.free(tensor)
      throw thrown
    } finally {
      for (const slab of made) this.slabs.release(slab)
    }
  }

  /** Reads the inputs, runs `work` on vectors of this process, and writes the outputs. These pass through the arena only. */
  async #here<R>(
    inputs: readonly RemoteTensor[],
    outputs: readonly RemoteTensor[],
    work: (inputs: Slab[], outputs: Slab[]) => Promise<R>
  ): Promise<R> {
    const passing: Slab[] = []
    const pass = ({ length, finite }: RemoteTensor) => {
      const slab = { vector: this.#arena.allocate(length), length, references: 1, finite: finite === true }
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
}

function tensorsOf(named: readonly Named<RemoteTensor>[]): RemoteTensor[] {
  return named.map(({ tensor }) => tensor)
}
