import {
  optimiserState,
  PeergradError,
  type Clock,
  type Codec,
  type Digest,
  type GradientStore,
  type Lease,
  type PluginReference,
  type StoreCapabilities,
  type UpdateRequest,
  type Verdict
} from '@peergrad/core'
import { loadPlugin } from './compute/load-plugin.js'
import { checkInputs, checkKey } from './keys.js'
import { packedLength, type Place, type Tensor } from './place.js'
import { checkAggregate, checkLength, checkTtl, checkUpdate, type AggregateRequest } from './requests.js'
import type { Slab } from './slabs.js'
import { Table } from './table.js'

/**
 * The store contract over a place: keys, leases, checks, budgets and expiry are the same in every driver.
 *
 * A call takes its inputs when it is made: a later delete does not touch it, and what an unfinished call will write is
 * not there yet. Results are written beside and appear at once, or not at all.
 */
export class TensorStore<T extends Tensor> implements GradientStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly #place: Place<T>
  readonly #table: Table<T>
  readonly #leases = new WeakMap<Lease, Slab>()
  #closed = false

  constructor(place: Place<T>, clock: Clock) {
    this.name = place.name
    this.capabilities = place.capabilities
    this.#place = place
    this.#table = new Table((tensor) => this.#release(tensor), clock)
  }

  lease(length: number): Lease {
    this.#checkOpen()
    return this.#lend(this.#place.slabs.allocate(length))
  }

  /** When it rejects the lease is still the caller's. A lease of `get` may be put under another key. */
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
    await this.#orAborted(async () => {
      const tensor = await this.#place.keep(slab)
      try {
        await this.#publish(new Map([[key, tensor]]), ttl)
      } finally {
        this.#release(tensor)
      }
    })
    lease.release()
  }

  async get(key: string): Promise<Lease> {
    this.#checkOpen()
    checkKey(key)
    const [tensor] = this.#table.all([key])
    return this.#using([tensor], async () => this.#lend(await this.#place.load(tensor)))
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
    await this.#make(inputs, [[to, inputs[0].length]], ([out]) => this.#place.average(inputs, out))
  }

  async aggregate(request: AggregateRequest): Promise<void> {
    this.#checkOpen()
    checkAggregate(request)
    const { from, to, rule, samples, parameters, seed } = request
    const inputs = this.#table.all(from)
    const length = checkLength('aggregate', from, inputs, parameters)
    await this.#make(inputs, [[to, length]], async ([out]) => {
      const named = inputs.map((tensor, k) => ({ key: from[k], tensor }))
      await this.#place.aggregate({ from: named, to: out, rule, samples, parameters, seed })
      for (const tensor of [...inputs, out]) tensor.finite = true
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
      await this.#place.update({
        from: state,
        fromState: outMoments.map((_, i) => (fresh ? undefined : moments[i])),
        to: out,
        toState: outMoments,
        gradient: { key: gradient, tensor: contribution },
        optimiser,
        parameters,
        step,
        learningRate
      })
      for (const tensor of [contribution, out, ...outMoments]) tensor.finite = true
    })
  }

  async pack({ from, codec, to }: { from: string; codec: PluginReference; to: string }): Promise<void> {
    this.#checkOpen()
    checkKey(to)
    const [input] = this.#table.all([from])
    const length = packedLength(await loadPlugin<Codec>('codec', codec), input.length)
    await this.#make([input], [[to, length]], ([out]) => this.#place.pack({ from: input, to: out, codec }))
  }

  async unpack(request: { from: string; codec: PluginReference; length: number; to: string }): Promise<void> {
    this.#checkOpen()
    const { from, codec, length, to } = request
    checkKey(to)
    const [input] = this.#table.all([from])
    const plugin = await loadPlugin<Codec>('codec', codec)
    const expected = packedLength(plugin, length)
    if (input.length !== expected) {
      const message = `store: "${from}" has ${input.length} floats, expected ${expected} of ${length} packed by ${plugin.name}`
      throw new PeergradError('shape', message, { key: from })
    }
    await this.#make([input], [[to, length]], ([out]) => this.#place.unpack({ from: input, to: out, codec }))
  }

  async digest(key: string): Promise<Digest> {
    this.#checkOpen()
    checkKey(key)
    const [tensor] = this.#table.all([key])
    tensor.digest ??= await this.#using([tensor], () => this.#place.digest(tensor))
    return tensor.digest
  }

  async verify(key: string): Promise<Verdict> {
    this.#checkOpen()
    checkKey(key)
    const [tensor] = this.#table.all([key])
    const verdict = await this.#using([tensor], () => this.#place.verify(tensor))
    tensor.digest = verdict.digest
    tensor.finite = verdict.firstNonFinite < 0
    return verdict
  }

  async usage(): Promise<{ bytes: number; limit: number }> {
    const { bytes, limit } = this.#place.slabs
    return { bytes, limit }
  }

  /** Unfinished calls reject with `aborted`. Leases stay good until they are released. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const key of this.#table.keys()) this.#table.delete(key)
    await this.#place.close()
  }

  /** Runs `work` on new tensors and publishes them together under their keys. */
  async #make(
    inputs: readonly T[],
    outputs: readonly (readonly [key: string, length: number])[],
    work: (tensors: T[]) => Promise<void>
  ): Promise<void> {
    const made: T[] = []
    try {
      for (const [, length] of outputs) made.push(this.#place.allocate(length))
      await this.#using(inputs, () => work(made))
      this.#checkOpen()
      await this.#publish(new Map(outputs.map(([key], i) => [key, made[i]])))
    } finally {
      for (const tensor of made) this.#release(tensor)
    }
  }

  /** Adds all keys at once. One that is there already must name the same bits: else `conflict`, and nothing is added. */
  async #publish(tensors: ReadonlyMap<string, T>, ttl?: number): Promise<void> {
    const equal = new Map<string, T>()
    for (;;) {
      const unlike = [...tensors].find(([key]) => this.#table.get(key) !== equal.get(key))
      if (unlike === undefined) break
      const [key, tensor] = unlike
      const there = this.#table.get(key)
      if (there === undefined) equal.delete(key)
      else if (await this.#sameBits(there, tensor)) equal.set(key, there)
      else {
        const message = `store: "${key}" is there with other bytes; a key is written once, so use a new one or delete it first`
        throw new PeergradError('conflict', message, { key })
      }
    }
    this.#checkOpen()
    for (const [key, tensor] of tensors) if (!equal.has(key)) this.#table.add(key, tensor, ttl)
  }

  async #sameBits(a: T, b: T): Promise<boolean> {
    if (a === b) return true
    if (a.length !== b.length) return false
    return this.#using([a, b], () => this.#place.same(a, b))
  }

  /** Keeps tensors from being recycled while `work` runs. */
  async #using<R>(tensors: readonly T[], work: () => Promise<R>): Promise<R> {
    for (const tensor of tensors) tensor.references++
    try {
      return await this.#orAborted(work)
    } finally {
      for (const tensor of tensors) this.#release(tensor)
    }
  }

  /** What fails because the store was closed meanwhile says so. */
  async #orAborted<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await work()
    } catch (thrown) {
      this.#checkOpen()
      throw thrown
    }
  }

  #release(tensor: T): void {
    if (--tensor.references === 0) this.#place.free(tensor)
  }

  /** A lease that takes over one reference. */
  #lend(slab: Slab): Lease {
    const lease: Lease = {
      vector: slab.vector,
      release: () => {
        if (this.#leases.delete(lease)) this.#place.slabs.release(slab)
      }
    }
    this.#leases.set(lease, slab)
    return lease
  }

  #checkOpen(): void {
    if (this.#closed) throw new PeergradError('aborted', 'store: closed, so nothing can be read or written any more')
  }
}
