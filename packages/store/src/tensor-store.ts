import {
  optimiserState,
  PeergradError,
  type Clock,
  type CombineRequest,
  type Digest,
  type FeedbackRequest,
  type FilterRequest,
  type GradientStore,
  type Lease,
  type PackRequest,
  type StoreCapabilities,
  type UnpackRequest,
  type UpdateRequest,
  type Verdict
} from '@peergrad/core'
import { checkInputs, checkKey } from './keys.js'
import { Leases } from './leases.js'
import type { Place, Tensor } from './place.js'
import {
  checkAggregate,
  checkCount,
  checkFilter,
  checkLength,
  checkPart,
  checkSparse,
  checkTtl,
  checkUpdate,
  type AggregateRequest
} from './requests.js'
import type { Table } from './table.js'
import { loadWords } from './words.js'
import { again, Writer } from './writer.js'

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
  readonly #writer: Writer<T>
  readonly #leases: Leases
  #closed = false

  constructor(place: Place<T>, clock: Clock) {
    this.name = place.name
    this.capabilities = place.capabilities
    this.#place = place
    this.#writer = new Writer(place, clock, () => this.#checkOpen())
    this.#table = this.#writer.table
    this.#leases = new Leases(place.slabs)
  }

  lease(length: number): Lease {
    this.#checkOpen()
    return this.#leases.lend(this.#place.slabs.allocate(length))
  }

  /** A lease of `get` may be put under another key. */
  async put(key: string, lease: Lease, { ttl }: { ttl?: number } = {}): Promise<void> {
    try {
      this.#checkOpen()
      checkKey(key)
      checkTtl(ttl)
      const slab = this.#leases.slabOf(lease, key)
      await this.#writer.give([], [key], async () => [await this.#place.keep(slab)], ttl)
    } finally {
      lease.release()
    }
  }

  async get(key: string): Promise<Lease> {
    this.#checkOpen()
    checkKey(key)
    const [tensor] = this.#table.all([key])
    return this.#writer.using([tensor], async () => this.#leases.lend(await this.#place.load(tensor)))
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
    await this.#writer.make(inputs, [[to, inputs[0].length]], ([out]) => this.#place.average(inputs, out))
  }

  async aggregate(request: AggregateRequest): Promise<void> {
    this.#checkOpen()
    checkAggregate(request)
    const { from, to, rule, pre = [], samples, parameters, seed, trials } = request
    const inputs = this.#table.all(from)
    const length = checkLength('aggregate', from, inputs, parameters)
    await this.#writer.make(inputs, [[to, length]], async ([out]) => {
      const named = inputs.map((tensor, k) => ({ key: from[k], tensor }))
      await this.#place.aggregate({ from: named, to: out, rule, pre, samples, parameters, seed, trials })
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
    await this.#writer.make([state, contribution, ...moments], outputs, async ([out, ...outMoments]) => {
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

  async filter(request: FilterRequest): Promise<void> {
    this.#checkOpen()
    checkFilter(request)
    const { from, held, state, to, rest, parameters, ...how } = request
    const [gradient, model, ...before] = this.#table.all(held === undefined ? [from, state] : [from, state, held])
    checkLength('filter', [from, state], [gradient, model], parameters)
    if (held !== undefined) checkLength('filter', [held], before, parameters, parameters)
    await this.#writer.give([gradient, model, ...before], [to, rest], async () => {
      const made = await this.#place.filter({
        ...how,
        from: { key: from, tensor: gradient },
        held: held === undefined ? undefined : { key: held, tensor: before[0] },
        state: model,
        parameters
      })
      for (const tensor of [gradient, made.rest, ...before]) tensor.finite = true
      return [made.to, made.rest]
    })
  }

  async pack({ from, codec, sparse = 0, to }: PackRequest): Promise<void> {
    this.#checkOpen()
    checkKey(from)
    checkKey(to)
    const [input] = this.#table.all([from])
    checkSparse('pack', sparse, input.length)
    await this.#writer.give([input], [to], async () =>
      codec === undefined && sparse === 0 ? [again(input)] : [await this.#place.pack({ from: input, codec, sparse })]
    )
  }

  async unpack({ from, codec, sparse = 0, length, to }: UnpackRequest): Promise<void> {
    this.#checkOpen()
    checkKey(from)
    checkKey(to)
    checkCount('unpack', 'length', length)
    checkSparse('unpack', sparse, length)
    const [input] = this.#table.all([from])
    await this.#writer.using([input], async () => {
      const words = await loadWords(codec)
      const dense = words.count(length)
      if (sparse === 0 && input.length !== dense) {
        const message = `store: "${from}" has ${input.length} floats, expected ${dense} of ${length} packed by ${words.name}`
        throw new PeergradError('shape', message, { key: from })
      }
      if (codec === undefined && input.length === dense)
        await this.#writer.give([input], [to], async () => [again(input)])
      else
        await this.#writer.make([input], [[to, length]], ([out]) =>
          this.#place.unpack({ from: input, to: out, codec, sparse })
        )
    })
  }

  async slice(request: { from: string; offset: number; length: number; to: string }): Promise<void> {
    this.#checkOpen()
    const { from, offset, length, to } = request
    checkKey(from)
    checkKey(to)
    const [input] = this.#table.all([from])
    checkPart('slice', from, input.length, offset, length)
    await this.#writer.make([input], [[to, length]], ([out]) => this.#place.slice(input, offset, out))
  }

  async join({ from, to }: { from: readonly string[]; to: string }): Promise<void> {
    this.#checkOpen()
    checkInputs('join', from)
    checkKey(to)
    const inputs = this.#table.all(from)
    const length = inputs.reduce((sum, tensor) => sum + tensor.length, 0)
    await this.#writer.make(inputs, [[to, length]], ([out]) => this.#place.join(inputs, out))
  }

  async combine({ terms, to }: CombineRequest): Promise<void> {
    this.#checkOpen()
    const from = terms.map(({ key }) => key)
    checkInputs('combine', from)
    checkKey(to)
    const stray = terms.find(({ factor }) => !Number.isFinite(factor))
    if (stray !== undefined) {
      const message = `store: combine got the factor ${stray.factor} for "${stray.key}", expected a finite number`
      throw new PeergradError('argument', message, { key: stray.key })
    }
    const inputs = this.#table.all(from)
    const length = checkLength('combine', from, inputs)
    const combined = inputs.map((tensor, i) => ({ tensor, factor: terms[i].factor }))
    await this.#writer.make(inputs, [[to, length]], ([out]) => this.#place.combine(combined, out))
  }

  async feedback({ rest, sent, shared, parameters, to }: FeedbackRequest): Promise<void> {
    this.#checkOpen()
    for (const key of [rest, sent, shared, to]) checkKey(key)
    checkCount('feedback', 'parameters', parameters)
    const [left, given, arrived] = this.#table.all([rest, sent, shared])
    checkLength('feedback', [rest], [left], parameters, parameters)
    checkLength('feedback', [sent], [given], parameters)
    checkLength('feedback', [shared], [arrived], parameters)
    await this.#writer.make([left, given, arrived], [[to, parameters]], ([out]) =>
      this.#place.feedback({ rest: left, sent: given, shared: arrived, to: out })
    )
  }

  async length(key: string): Promise<number> {
    this.#checkOpen()
    checkKey(key)
    return this.#table.all([key])[0].length
  }

  async digest(key: string): Promise<Digest> {
    this.#checkOpen()
    checkKey(key)
    const [tensor] = this.#table.all([key])
    tensor.digest ??= await this.#writer.using([tensor], () => this.#place.digest(tensor))
    return tensor.digest
  }

  async verify(key: string): Promise<Verdict> {
    this.#checkOpen()
    checkKey(key)
    const [tensor] = this.#table.all([key])
    const verdict = await this.#writer.using([tensor], () => this.#place.verify(tensor))
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

  #checkOpen(): void {
    if (this.#closed) throw new PeergradError('aborted', 'store: closed, so nothing can be read or written any more')
  }
}
