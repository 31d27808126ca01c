import { setTimeout as pause } from 'node:timers/promises'
import { loadPlugin, optimiserCoefficients, PeergradError, type OptimiserKernel, type Vector } from '@peergrad/core'
import type { PlaceAggregation, PlaceUpdate } from '../place.js'
import { bytesOf } from '../redis/chunks.js'
import type { Connection } from '../redis/connection.js'
import { expireLater } from '../redis/expiry.js'
import { notOnServer } from '../remote/not-there.js'
import type { RemoteTensor } from '../remote/remote-tensor.js'
import type { RemoteVectors, ServerWork } from '../remote/vectors.js'
import { checkLength, checkName, scriptExecute } from './script-call.js'
import { ENTRY_POINTS, SOURCE, type EntryPoint } from './script.js'
import { takeFloats, takeIntegers } from './take.js'

export interface AiTensorsInit {
  /** two, so that a vector does not wait behind an aggregation */
  readonly data: Connection
  readonly work: Connection
  /** begins the name of the script, and of nobody else's key */
  readonly prefix: string
  /** milliseconds that work may wait for its turn on the server */
  readonly timeout: number
}

/** Milliseconds that the script's deletion may hold up the end of a peer. */
const FAREWELL = 1000

/** What a bulk string of Redis holds at most (proto-max-bulk-len). */
const LARGEST = 512 << 20

/**
 * Vectors as tensors of RedisAI 1.2.7, and the work that our script does on them there.
 *
 * Results are tensors under new names, and a name is never used again, so a reader sees all of a vector or none, and a
 * call made twice (its reply was lost) writes the same bits twice. No key on the server says which version is the
 * newest: the only writer of these names is this process, whose table is that head, and it is moved when the server
 * has answered. A run that was given up may still write, late, under names that nobody reads any more: they go with
 * the peer's next start.
 *
 * RedisAI's outputs are invisible to `maxmemory`: the budget of the store is what bounds them.
 *
 * A vector of no floats cannot be a tensor there, and needs not be: there is only one.
 */
export class AiTensors implements RemoteVectors, ServerWork {
  readonly rules = ['mean'] as const
  readonly #data: Connection
  readonly #work: Connection
  readonly #script: string
  readonly #timeout: number

  constructor({ data, work, prefix, timeout }: AiTensorsInit) {
    this.#data = data
    this.#work = work
    this.#script = checkName(`${prefix}script`)
    this.#timeout = timeout
  }

  /** Stores the script. Error `unsupported` when RedisAI has no libtorch to compile it. */
  async prepare(): Promise<void> {
    const entryPoints = ['ENTRY_POINTS', ENTRY_POINTS.length, ...ENTRY_POINTS]
    await this.#work.call('AI.SCRIPTSTORE', this.#script, 'CPU', ...entryPoints, 'SOURCE', SOURCE)
    await expireLater(this.#work, [this.#script])
  }

  /** In one piece, whatever its length: AI.TENSORSET has no parts. */
  async write(name: string, vector: Vector): Promise<void> {
    if (vector.length === 0) return
    if (vector.byteLength > LARGEST) {
      const message = `store: a vector has ${vector.byteLength} bytes, a tensor can be sent to RedisAI up to ${LARGEST}; use --store redis with its module`
      throw new PeergradError('unsupported', message)
    }
    const length = checkLength(vector.length)
    await this.#data.transfer('AI.TENSORSET', checkName(name), 'FLOAT', length, 'BLOB', bytesOf(vector))
    await this.#expireLater(this.#data, [name])
  }

  async read(name: string, into: Vector): Promise<void> {
    if (into.length === 0) return
    const reply = await this.#get(name)
    takeFloats(name, reply, into)
  }

  async delete(names: readonly string[]): Promise<void> {
    await this.#data.call('UNLINK', ...names.map(checkName))
  }

  async renew(names: readonly string[]): Promise<void> {
    await expireLater(this.#data, [...names, this.#script])
  }

  async average(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    if (to.length === 0) return
    await this.#run('average', from, [], [to.name])
  }

  async aggregate({ from, to, rule }: PlaceAggregation<RemoteTensor>): Promise<boolean> {
    const plugin = await loadPlugin('aggregator', rule)
    const { name, inStore } = plugin
    if (inStore?.name !== 'mean') return false
    const unmet = plugin.check(from.length)
    if (unmet !== undefined) {
      const message = `aggregator ${name}: got ${from.length} vectors, ${unmet}`
      throw new PeergradError('argument', message, { rule: name, vectors: from.length })
    }
    if (to.length === 0) return true
    // coordinate by coordinate, so gradient and buffers need not be told apart
    const tensors = from.map(({ tensor }) => tensor)
    const found = await this.#runAndJudge(inStore.name, tensors, [], [to], from.length + 1)
    checkFinite(found, [...from.map(({ key }) => `"${key}"`), `the result of aggregator ${name}`])
    return true
  }

  async update(request: PlaceUpdate<RemoteTensor>): Promise<void> {
    const { from, fromState, to, toState, gradient, optimiser, parameters, step, learningRate } = request
    if (to.length === 0) return
    checkLengths(request)
    // without parameters the next state is the gradient's buffers, whatever the optimiser, and its moments are empty
    const [entry, coefficients]: [EntryPoint, number[]] =
      parameters === 0 ? ['sgd', [0, 0]] : constants(optimiserCoefficients(optimiser, { step, learningRate }))
    const moments = parameters === 0 ? [] : fromState.filter((tensor) => tensor !== undefined)
    const outputs = parameters === 0 ? [to] : [to, ...toState]
    const found = await this.#runAndJudge(
      entry,
      [from, gradient.tensor, ...moments],
      [parameters, ...coefficients],
      outputs,
      1 + outputs.length
    )
    checkFinite(found, [`"${gradient.key}"`, ...outputs.map(() => 'the updated model or optimiser state')])
  }

  async close(): Promise<void> {
    const farewell = new AbortController()
    const deleted = this.delete([this.#script]).catch(() => undefined)
    // a server that is gone must not hold up the peer: the script expires there
    await Promise.race([deleted, pause(FAREWELL, undefined, { signal: farewell.signal }).catch(() => undefined)])
    farewell.abort()
    await Promise.all([this.#data.close(), this.#work.close()])
  }

  /** Runs an entry point whose last output is a verdict on `count` vectors; gives the verdict. */
  async #runAndJudge(
    entry: EntryPoint,
    inputs: readonly RemoteTensor[],
    args: readonly number[],
    outputs: readonly RemoteTensor[],
    count: number
  ): Promise<number[]> {
    const verdict = `${outputs[0].name}:verdict`
    await this.#run(entry, inputs, args, [...outputs.map(({ name }) => name), verdict])
    return this.#answer(verdict, count)
  }

  /** Runs an entry point, once more when the server lost the script: it was flushed, or is another one. */
  async #run(
    entry: EntryPoint,
    inputs: readonly RemoteTensor[],
    args: readonly number[],
    outputs: readonly string[]
  ): Promise<void> {
    const script = this.#script
    const command = scriptExecute({ script, entry, inputs, args, outputs, timeout: this.#timeout })
    const execute = () => this.#work.call('AI.SCRIPTEXECUTE', ...command)
    const reply = await execute()
      .catch(async (thrown: unknown) => {
        if (!isMissing(thrown) || thrown.data['what'] !== 'script') throw thrown
        await this.prepare()
        return execute()
      })
      .catch(async (thrown: unknown) => {
        throw isMissing(thrown) ? await this.#absent(inputs, thrown) : thrown
      })
    // RedisAI says so in an ordinary reply
    if (reply === 'TIMEDOUT') {
      const message = `store: RedisAI had no turn for ${entry} within ${this.#timeout / 1000} s; give it more threads, or fewer peers`
      throw new PeergradError('timeout', message, { command: 'AI.SCRIPTEXECUTE' })
    }
    await this.#expireLater(this.#work, outputs)
  }

  /** The integers of an output of ours, which is then deleted. */
  async #answer(name: string, count: number): Promise<number[]> {
    const reply = await this.#get(name)
    await this.delete([name])
    return takeIntegers(name, reply, count)
  }

  async #get(name: string): Promise<unknown> {
    try {
      return await this.#data.transfer('AI.TENSORGET', checkName(name), 'META', 'BLOB')
    } catch (thrown) {
      // RedisAI does not say which
      if (isMissing(thrown)) throw notOnServer([name], thrown)
      if (thrown instanceof PeergradError && thrown.code === 'corrupt') {
        throw new PeergradError('corrupt', `store: "${name}" is no tensor`, { key: name }, { cause: thrown })
      }
      throw thrown
    }
  }

  /** Each time anew: to set a tensor takes its expiry away. */
  async #expireLater(connection: Connection, names: readonly string[]): Promise<void> {
    const gone = await expireLater(connection, names)
    if (gone.length > 0) throw notOnServer(gone)
  }

  /** RedisAI says that an input is not there, and not which. */
  async #absent(inputs: readonly RemoteTensor[], cause: PeergradError): Promise<PeergradError> {
    const there = await Promise.all(inputs.map(({ name }) => this.#work.call('EXISTS', name)))
    return notOnServer(
      inputs.filter((_, i) => there[i] !== 1).map(({ name }) => name),
      cause
    )
  }
}

/** As the entry points take them, after `parameters`. */
function constants({ kernel, coefficients: c }: OptimiserKernel): [EntryPoint, number[]] {
  if (kernel === 'sgd') return [kernel, [c.learningRate, c.weightDecay]]
  if (kernel === 'momentum') return [kernel, [c.learningRate, c.weightDecay, c.momentum, c.nesterov ? 1 : 0]]
  const { stepSize, weightDecay, shrink, beta1, gamma1, beta2, gamma2, correction, epsilon } = c
  return [kernel, [stepSize, weightDecay, shrink, beta1, gamma1, beta2, gamma2, correction, epsilon]]
}

/** Error `shape`: libtorch would broadcast vectors of other lengths without a word. */
function checkLengths({ from, fromState, to, toState, gradient, parameters }: PlaceUpdate<RemoteTensor>): void {
  const moments = [...fromState, ...toState].filter((tensor) => tensor !== undefined)
  const fit =
    from.length === to.length &&
    gradient.tensor.length === to.length &&
    parameters <= to.length &&
    moments.every(({ length }) => length === parameters)
  if (fit) return
  const lengths = [from, gradient.tensor, to, ...moments].map(({ length }) => length).join(', ')
  throw new PeergradError('shape', `store: an update of ${parameters} parameters got vectors of ${lengths} floats`)
}

function checkFinite(found: readonly number[], shown: readonly string[]): void {
  for (const [k, index] of found.entries()) {
    if (index < 0) continue
    const message = `store: ${shown[k]} holds a NaN or an infinity at ${index}, expected finite numbers only`
    throw new PeergradError('non-finite', message, { what: shown[k], index })
  }
}

function isMissing(thrown: unknown): thrown is PeergradError {
  return thrown instanceof PeergradError && thrown.code === 'missing'
}
