import {
  optimiserState,
  PeergradError,
  systemClock,
  type Arena,
  type Clock,
  type Codec,
  type Digest,
  type GradientStore,
  type Lease,
  type Logger,
  type PluginReference,
  type StoreCapabilities,
  type UpdateRequest,
  type Verdict
} from '@peergrad/core'
import { Compute, type Spawn } from '../compute/compute.js'
import { loadPlugin } from '../compute/load-plugin.js'
import { packedLength } from '../compute/run-codec.js'
import { checkInputs, checkKey } from '../keys.js'
import { checkAggregate, checkLength, checkTtl, checkUpdate, type AggregateRequest } from './requests.js'
import { Slabs, type Slab } from './slabs.js'
import { Table } from './table.js'

export interface MemoryStoreInit {
  /** where the vectors lie; this thread must have created it */
  readonly arena: Arena
  /** bytes that stored and leased vectors may take together; the whole arena when left out */
  readonly limit?: number
  /** of expiry; the machine's when left out */
  readonly clock?: Clock
  readonly logger?: Logger
}

/**
 * The database in the peer's own process: vectors lie in the arena that engine, network and store share, so `get` and
 * `put` move no byte, and dense work runs in one worker thread, call by call in the order of arrival.
 *
 * A call takes its inputs when it is made: a later delete does not touch it, and what an unfinished call will write is
 * not there yet. Results are written beside and appear at once, or not at all.
 */
export class MemoryStore implements GradientStore {
  readonly name = 'memory'
  readonly capabilities: StoreCapabilities = { denseInStore: true, durable: false }
  readonly #arena: Arena
  readonly #slabs: Slabs
  readonly #table: Table
  readonly #compute: Compute
  readonly #leases = new WeakMap<Lease, Slab>()
  #closed = false

  constructor({ arena, limit = arena.byteLimit, clock = systemClock(), logger }: MemoryStoreInit, spawn: Spawn) {
    this.#arena = arena
    this.#slabs = new Slabs(arena, limit)
    this.#table = new Table(this.#slabs, clock)
    this.#compute = new Compute({
      arena,
      spawn,
      allocate: (length) => this.#slabs.allocateVector(length),
      free: (vector) => this.#slabs.freeVector(vector),
      ...(logger && { logger })
    })
    this.#compute.start()
  }

  lease(length: number): Lease {
    this.#checkOpen()
    return this.#lend(this.#slabs.allocate(length))
  }

  /** When it rejects the lease is still the caller's. A lease of `get` may be put under another key: no byte is copied. */
  async put(key: string, lease: Lease, { ttl }: { ttl?: number } = {}): Promise<void> {
    this.#checkOpen()
    checkKey(key)
    checkTtl(ttl)
    const slab = this.#leases.get(lease)
    if (slab === undefined) {
      throw new PeergradError(
        'argument',
        `store: put "${key}" got a lease that is released, put before, or not of this store`
      )
    }
    await this.#publish(new Map([[key, slab]]), ttl)
    lease.release()
  }

  async get(key: string): Promise<Lease> {
    this.#checkOpen()
    checkKey(key)
    const [slab] = this.#table.all([key])
    this.#slabs.retain(slab)
    return this.#lend(slab)
  }

  async has(key: string): Promise<boolean> {
    this.#checkOpen()
    checkKey(key)
    return this.#table.get(key) !== undefined
  }

  async delete(keys: readonly string[]): Promise<void> {
    this.#checkOpen()
    keys.forEach(checkKey)
    for (const key of keys) this.#table.delete(key)
  }

  async keys(prefix: string): Promise<string[]> {
    this.#checkOpen()
    return this.#table.keys(prefix)
  }

  async average(from: readonly string[], to: string): Promise<void> {
    this.#checkOpen()
    checkInputs('average', from)
    checkKey(to)
    const inputs = this.#table.all(from)
    checkLength('average', from, inputs)
    await this.#make(inputs, [[to, inputs[0].vector.length]], ([out]) =>
      this.#compute.run('average', { from: inputs.map((slab) => this.#handle(slab)), to: this.#handle(out) })
    )
  }

  async aggregate(request: AggregateRequest): Promise<void> {
    this.#checkOpen()
    checkAggregate(request)
    const { from, to, rule, samples, parameters, seed } = request
    const inputs = this.#table.all(from)
    const length = checkLength('aggregate', from, inputs, parameters)
    await this.#make(inputs, [[to, length]], async ([out]) => {
      const input = (slab: Slab, k: number) => this.#input(from[k], slab)
      await this.#compute.run('aggregate', {
        from: inputs.map(input),
        to: this.#handle(out),
        rule,
        samples,
        parameters,
        seed
      })
      for (const slab of [...inputs, out]) slab.finite = true
    })
  }

  async applyUpdate(request: UpdateRequest): Promise<void> {
    this.#checkOpen()
    checkUpdate(request)
    const { from, to, gradient, optimiser, parameters, step, learningRate } = request
    const [state, contribution] = this.#table.all([from, gradient])
    const length = checkLength('applyUpdate', [from, gradient], [state, contribution], parameters)
    const stateKeys = (name: string) =>
      Array.from({ length: optimiserState(optimiser) }, (_, i) => `${name}:state:${i}`)
    const fresh = step === 1 && stateKeys(from).every((key) => this.#table.get(key) === undefined)
    const moments = fresh ? [] : this.#table.all(stateKeys(from))
    checkLength('applyUpdate', stateKeys(from), moments, parameters, parameters)
    const outputs = [[to, length] as const, ...stateKeys(to).map((key) => [key, parameters] as const)]
    await this.#make([state, contribution, ...moments], outputs, async ([out, ...outMoments]) => {
      await this.#compute.run('update', {
        from: this.#handle(state),
        fromState: outMoments.map((_, i) => (fresh ? undefined : this.#handle(moments[i]))),
        to: this.#handle(out),
        toState: outMoments.map((slab) => this.#handle(slab)),
        gradient: this.#input(gradient, contribution),
        optimiser,
        parameters,
        step,
        learningRate
      })
      for (const slab of [contribution, out, ...outMoments]) slab.finite = true
    })
  }

  async pack({ from, codec, to }: { from: string; codec: PluginReference; to: string }): Promise<void> {
    this.#checkOpen()
    checkKey(to)
    const [input] = this.#table.all([from])
    const { bytes } = await loadPlugin<Codec>('codec', codec)
    const length = packedLength(bytes(input.vector.length))
    await this.#make([input], [[to, length]], ([out]) =>
      this.#compute.run('pack', { from: this.#handle(input), to: this.#handle(out), codec })
    )
  }

  async unpack(request: { from: string; codec: PluginReference; length: number; to: string }): Promise<void> {
    this.#checkOpen()
    const { from, codec, length, to } = request
    checkKey(to)
    const [input] = this.#table.all([from])
    const { name, bytes } = await loadPlugin<Codec>('codec', codec)
    const expected = packedLength(bytes(length))
    if (input.vector.length !== expected) {
      const message = `store: "${from}" has ${input.vector.length} floats, expected ${expected} of ${length} packed by ${name}`
      throw new PeergradError('shape', message, { key: from })
    }
    await this.#make([input], [[to, length]], ([out]) =>
      this.#compute.run('unpack', { from: this.#handle(input), to: this.#handle(out), codec })
    )
  }

  async digest(key: string): Promise<Digest> {
    this.#checkOpen()
    checkKey(key)
    const [slab] = this.#table.all([key])
    slab.digest ??= await this.#using([slab], () => this.#compute.run('digest', { vector: this.#handle(slab) }))
    return slab.digest
  }

  async verify(key: string): Promise<Verdict> {
    this.#checkOpen()
    checkKey(key)
    const [slab] = this.#table.all([key])
    const verdict = await this.#using([slab], () => this.#compute.run('verify', { vector: this.#handle(slab) }))
    slab.digest = verdict.digest
    slab.finite = verdict.firstNonFinite < 0
    return verdict
  }

  async usage(): Promise<{ bytes: number; limit: number }> {
    return { bytes: this.#slabs.bytes, limit: this.#slabs.limit }
  }

  /** Unfinished calls reject with `aborted`. Leases stay good until they are released. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#compute.close()
    for (const key of this.#table.keys()) this.#table.delete(key)
  }

  /** Runs `work` on new slabs and publishes them together under their keys. */
  async #make(
    inputs: readonly Slab[],
    outputs: readonly (readonly [key: string, length: number])[],
    work: (slabs: Slab[]) => Promise<void>
  ): Promise<void> {
    const slabs = this.#slabs.allocateAll(outputs.map(([, length]) => length))
    try {
      await this.#using(inputs, () => work(slabs))
      this.#checkOpen()
      await this.#publish(new Map(outputs.map(([key], i) => [key, slabs[i]])))
    } finally {
      for (const slab of slabs) this.#slabs.release(slab)
    }
  }

  /** Adds all keys at once. One that is there already must name the same bits: else `conflict`, and nothing is added. */
  async #publish(slabs: ReadonlyMap<string, Slab>, ttl?: number): Promise<void> {
    const equal = new Map<string, Slab>()
    for (;;) {
      const unlike = [...slabs].find(([key]) => this.#table.get(key) !== equal.get(key))
      if (unlike === undefined) break
      const [key, slab] = unlike
      const there = this.#table.get(key)
      if (there === undefined) equal.delete(key)
      else if (await this.#sameBits(there, slab)) equal.set(key, there)
      else {
        const message = `store: "${key}" is there with other bytes; a key is written once, so use a new one or delete it first`
        throw new PeergradError('conflict', message, { key })
      }
    }
    for (const [key, slab] of slabs) if (!equal.has(key)) this.#table.add(key, slab, ttl)
  }

  async #sameBits(a: Slab, b: Slab): Promise<boolean> {
    if (a === b) return true
    if (a.vector.length !== b.vector.length) return false
    return this.#using([a, b], () => this.#compute.run('equal', { a: this.#handle(a), b: this.#handle(b) }))
  }

  /** Keeps slabs from being recycled while `work` runs. */
  async #using<T>(slabs: readonly Slab[], work: () => Promise<T>): Promise<T> {
    for (const slab of slabs) this.#slabs.retain(slab)
    try {
      return await work()
    } finally {
      for (const slab of slabs) this.#slabs.release(slab)
    }
  }

  /** A lease that takes over one reference. */
  #lend(slab: Slab): Lease {
    const lease: Lease = {
      vector: slab.vector,
      release: () => {
        if (this.#leases.delete(lease)) this.#slabs.release(slab)
      }
    }
    this.#leases.set(lease, slab)
    return lease
  }

  #handle(slab: Slab) {
    return this.#arena.handle(slab.vector)
  }

  #input(key: string, slab: Slab) {
    return { key, vector: this.#handle(slab), finite: slab.finite === true }
  }

  #checkOpen(): void {
    if (this.#closed) throw new PeergradError('aborted', 'store: closed, so nothing can be read or written any more')
  }
}
