import {
  loadPlugin,
  optimiserCoefficients,
  PeergradError,
  type Digest,
  type OptimiserKernel,
  type Vector,
  type Verdict
} from '@peergrad/core'
import { allOf } from '../all-of.js'
import type { PlaceAggregation, PlaceFilter, PlacePacking, PlaceUnpacking, PlaceUpdate } from '../place.js'
import { LIFETIME } from '../remote/lifetime.js'
import { notOnServer } from '../remote/not-there.js'
import type { RemoteTensor } from '../remote/remote-tensor.js'
import type { RemoteVectors, ServerWork } from '../remote/vectors.js'
import { significanceOf } from '../significance.js'
import { bytesOf, chunks } from './chunks.js'
import type { Connection } from './connection.js'
import { expireLater } from './expiry.js'
import { MODULE_RULES, moduleRule } from './module-rules.js'
import { take } from './strings.js'

/** Ends every call that makes a vector. */
const EXPIRY = ['PX', LIFETIME] as const

/** Two connections, so that a chunk does not wait behind an aggregation. */
export interface ModuleConnections {
  readonly data: Connection
  readonly work: Connection
}

/** Vectors as tensors of our Redis module (`module/README.md`), and the work that it does on them. */
export class ModuleTensors implements RemoteVectors, ServerWork {
  readonly rules = MODULE_RULES
  readonly #data: Connection
  readonly #work: Connection

  constructor({ data, work }: ModuleConnections) {
    this.#data = data
    this.#work = work
  }

  async write(name: string, vector: Vector): Promise<void> {
    const parts = chunks(vector)
    if (parts.length === 1) return void (await this.#data.transfer('PEERGRAD.SET', name, bytesOf(vector), ...EXPIRY))
    const staging = `${name}:staging`
    for (;;) {
      const { life } = this.#data
      await allOf(
        parts.map(({ offset, part }) =>
          this.#data.transfer('PEERGRAD.STAGE', staging, vector.length, offset, bytesOf(part))
        )
      )
      try {
        return void (await this.#data.call('PEERGRAD.SEAL', staging, name, ...EXPIRY))
      } catch (thrown) {
        // a server that was started again in between has the later chunks only
        if (this.#data.life === life) throw thrown
      }
    }
  }

  async read(name: string, into: Vector): Promise<void> {
    await allOf(
      chunks(into).map(async ({ offset, part }) => {
        const reply = await this.#data.transfer('PEERGRAD.READ', name, offset, part.length)
        take(name, reply, part)
      })
    )
  }

  async delete(names: readonly string[]): Promise<void> {
    await this.#data.call('UNLINK', ...names)
  }

  async renew(names: readonly string[]): Promise<void> {
    await expireLater(this.#data, names)
  }

  async average(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    await this.#work.call('PEERGRAD.AVERAGE', to.name, from.length, ...namesOf(from), ...EXPIRY)
  }

  async aggregate({ from, to, rule, samples, parameters }: PlaceAggregation<RemoteTensor>): Promise<boolean> {
    const plugin = await loadPlugin('aggregator', rule)
    const { name } = plugin
    const known = moduleRule(plugin.inStore, samples)
    if (known === undefined) return false
    const unmet = plugin.check(from.length)
    if (unmet !== undefined) {
      const message = `aggregator ${name}: got ${from.length} vectors, ${unmet}`
      throw new PeergradError('argument', message, { rule: name, vectors: from.length })
    }
    const names = namesOf(from.map(({ tensor }) => tensor))
    const { word, options } = known
    try {
      await this.#work.call(
        'PEERGRAD.AGGREGATE',
        to.name,
        word,
        parameters,
        names.length,
        ...names,
        ...options,
        ...EXPIRY
      )
    } catch (thrown) {
      throw inKeys(thrown, [...from, { key: `the result of aggregator ${name}`, tensor: to }])
    }
    return true
  }

  async update(request: PlaceUpdate<RemoteTensor>): Promise<void> {
    const { from, fromState, to, toState, gradient, optimiser, parameters, step, learningRate } = request
    const named = [
      gradient,
      ...[to, ...toState].map((tensor) => ({ key: 'the updated model or optimiser state', tensor }))
    ]
    try {
      await this.#work.call(
        'PEERGRAD.UPDATE',
        from.name,
        to.name,
        gradient.tensor.name,
        parameters,
        ...constants(optimiserCoefficients(optimiser, { step, learningRate })),
        ...keysOf(
          'STATE',
          fromState.filter((tensor) => tensor !== undefined)
        ),
        ...keysOf('NEXT', toState),
        ...EXPIRY
      )
    } catch (thrown) {
      throw inKeys(thrown, named)
    }
  }

  async filter(request: PlaceFilter<RemoteTensor>, to: string, rest: RemoteTensor): Promise<number | undefined> {
    const { from, held, state, parameters } = request
    const test = significanceOf(await loadPlugin('filter', request.filter), request)
    if (test === undefined) return undefined
    const before = held ?? from
    const named = [from, before, { key: 'the sum of what was held back and the gradient', tensor: rest }]
    try {
      await this.#work.call(
        'PEERGRAD.FILTER',
        test.of,
        ...namesOf([state, from.tensor, before.tensor]),
        to,
        rest.name,
        parameters,
        test.threshold,
        ...(held === undefined ? ['FRESH'] : []),
        ...EXPIRY
      )
    } catch (thrown) {
      throw inKeys(thrown, named)
    }
    return this.#length(to)
  }

  async pack({ from, codec, sparse }: PlacePacking<RemoteTensor>, to: string): Promise<number | undefined> {
    if (codec !== undefined) return undefined
    await this.#work.call('PEERGRAD.PACK', from.name, to, sparse, ...EXPIRY)
    return this.#length(to)
  }

  async unpack({ from, to, codec, sparse }: PlaceUnpacking<RemoteTensor>): Promise<boolean> {
    if (codec !== undefined) return false
    await this.#work.call('PEERGRAD.UNPACK', from.name, to.name, sparse, to.length, ...EXPIRY)
    return true
  }

  async slice(from: RemoteTensor, offset: number, to: RemoteTensor): Promise<void> {
    await this.#work.call('PEERGRAD.SLICE', from.name, to.name, offset, to.length, ...EXPIRY)
  }

  async join(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    await this.#work.call('PEERGRAD.JOIN', to.name, from.length, ...namesOf(from), ...EXPIRY)
  }

  async digest({ name }: RemoteTensor): Promise<Digest> {
    return String(await this.#work.call('PEERGRAD.DIGEST', name))
  }

  async verify({ name }: RemoteTensor): Promise<Verdict> {
    const reply = await this.#work.call('PEERGRAD.VERIFY', name)
    const [digest, firstNonFinite, norm] = Array.isArray(reply) ? (reply as unknown[]) : []
    if (typeof digest !== 'string' || typeof firstNonFinite !== 'number' || typeof norm !== 'string') {
      throw new PeergradError('corrupt', `store: PEERGRAD.VERIFY answered ${JSON.stringify(reply)}`)
    }
    // as C writes it
    return { digest, firstNonFinite, norm: norm === 'inf' ? Infinity : Number(norm) }
  }

  async same(a: RemoteTensor, b: RemoteTensor): Promise<boolean> {
    return (await this.#work.call('PEERGRAD.SAME', a.name, b.name)) === 1
  }

  /** Of a vector that the server made. */
  async #length(name: string): Promise<number> {
    const reply = await this.#work.call('PEERGRAD.INFO', name)
    if (reply === null) throw notOnServer([name])
    const [length] = Array.isArray(reply) ? (reply as unknown[]) : []
    if (typeof length === 'number') return length
    throw new PeergradError('corrupt', `store: PEERGRAD.INFO answered ${JSON.stringify(reply)}`)
  }

  async close(): Promise<void> {
    await Promise.all([this.#data.close(), this.#work.close()])
  }
}

function namesOf(tensors: readonly RemoteTensor[]): string[] {
  return tensors.map(({ name }) => name)
}

function keysOf(word: string, tensors: readonly RemoteTensor[]): string[] {
  return tensors.length === 0 ? [] : [word, ...namesOf(tensors)]
}

/** As PEERGRAD.UPDATE takes them: decimal float64, which the module rounds once, as the kernels do. */
function constants({ kernel, coefficients: c }: OptimiserKernel): (string | number)[] {
  if (kernel === 'sgd') return ['SGD', c.learningRate, c.weightDecay]
  if (kernel === 'momentum') return ['MOMENTUM', c.learningRate, c.weightDecay, c.momentum, c.nesterov ? 1 : 0]
  const { stepSize, weightDecay, shrink, beta1, gamma1, beta2, gamma2, correction, epsilon } = c
  return ['ADAM', stepSize, weightDecay, shrink, beta1, gamma1, beta2, gamma2, correction, epsilon]
}

/** The module names tensors as the server knows them; people know their keys. */
function inKeys(thrown: unknown, named: readonly { key: string; tensor: RemoteTensor }[]): unknown {
  if (!(thrown instanceof PeergradError) || thrown.code !== 'non-finite') return thrown
  const found = /^store: (\S+) (\d+)/.exec(thrown.message)
  const what = named.find(({ tensor }) => tensor.name === found?.[1])
  if (found === null || what === undefined) return thrown
  const shown = what.key.includes(' ') ? what.key : `"${what.key}"`
  return new PeergradError('non-finite', `store: ${shown} holds a NaN or an infinity at ${found[2]}`, {
    index: Number(found[2])
  })
}
