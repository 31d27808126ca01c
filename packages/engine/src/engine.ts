import {
  layoutLength,
  PeergradError,
  pluginName,
  type Arena,
  type Dataset,
  type Engine,
  type EvaluationRequest,
  type EvaluationResult,
  type GradientRequest,
  type Layout,
  type PluginReference,
  type Vector
} from '@peergrad/core'

import { startBackend } from './backends/choose.js'
import { isBuiltIn, modelReference } from './models/reference.js'
import { writeLayersModel } from './models/write-layers-model.js'
import { Pool } from './pool/pool.js'

/** samples that one worker evaluates in one job */
const EVALUATION_SLICE = 1000

export interface EngineInit {
  /** `auto`, or one of `engines()` */
  readonly backend: string
  /** a name of `models`, a path to a tfjs model.json, or a module path or package, with options */
  readonly model: string | PluginReference
  readonly dataset: Dataset
  /** where the vectors of every call lie */
  readonly arena: Arena
  /** worker threads, each with its own back end; TensorFlow runs in one, and takes all cores by itself */
  readonly workers: number
  /** milliseconds that a model of a user's may work on one call; for ever when left out */
  readonly pluginTimeout?: number
  readonly signal?: AbortSignal
}

/** What peergrad's own engine has beyond the contract. */
export interface TfjsEngine extends Engine {
  /** tensors alive in the tfjs of each worker that is idle: flat from call to call, or there is a leak */
  tensors(): Promise<number[]>
  /**
   * Writes a model state as a LayersModel of tfjs, `model.json` and `weights.bin` in `directory`, for other tools to
   * read; `about` goes into its metadata. Resolves to the path of the first. It takes samples as the model does,
   * normalised as the metadata say, and gives logits. Errors: `unsupported` for a model that is not made of layers of
   * tfjs, `full`, `argument` when it cannot be written.
   */
  saveLayersModel(request: SaveRequest): Promise<string>
}

export interface SaveRequest {
  readonly state: Vector
  readonly directory: string
  readonly about: Readonly<Record<string, string | number>>
}

/**
 * Starts an engine: a pool of workers with tfjs on one back end. Errors: `unknown` for a back end or model that does
 * not exist, `unsupported` for a back end that is not installed (it says how to), `shape` when the model does not fit
 * the data set, what building the model throws, and why the signal aborted.
 */
export async function createEngine(init: EngineInit): Promise<TfjsEngine> {
  const { dataset, arena, workers, pluginTimeout, signal } = init
  if (!Number.isInteger(workers) || workers < 1) {
    throw new PeergradError('argument', `engine: got ${workers} workers, expected a whole number from 1`)
  }
  const model = modelReference(init.model)
  const limit =
    pluginTimeout === undefined || isBuiltIn(model)
      ? undefined
      : { who: `model ${pluginName(model)}`, milliseconds: pluginTimeout }
  const choice = await startBackend(init.backend, async ({ backend, asked, mostWorkers }) => {
    const pool = await Pool.start(
      { backend, asked, model, dataset, memory: arena.memory },
      Math.min(workers, mostWorkers),
      limit
    )
    if (signal?.aborted !== true) return pool
    await pool.close()
    throw PeergradError.from(signal.reason)
  })
  return new PooledEngine({ name: choice.name, describe: choice.describe, pool: choice.started, arena, dataset })
}

class PooledEngine implements TfjsEngine {
  readonly name: string
  readonly describe: string
  readonly layout: Layout
  readonly workers: number
  readonly #pool: Pool
  readonly #arena: Arena
  readonly #dataset: Dataset

  constructor(init: { name: string; describe: string; pool: Pool; arena: Arena; dataset: Dataset }) {
    this.name = init.name
    this.describe = init.describe
    this.layout = init.pool.layout
    this.workers = init.pool.workers
    this.#pool = init.pool
    this.#arena = init.arena
    this.#dataset = init.dataset
  }

  async gradient({ state, minibatch, into, signal }: GradientRequest) {
    const { samples, seed } = minibatch
    if (samples.length === 0)
      throw new PeergradError('argument', 'engine: got a minibatch of no samples, expected some')
    const job = {
      kind: 'gradient',
      state: this.#handle(state),
      into: this.#handle(into),
      minibatch: { samples: samples.slice(), seed }
    } as const
    return this.#pool.run(job, signal)
  }

  async evaluate({
    state,
    split = 'test',
    limit,
    samples: named,
    signal
  }: EvaluationRequest): Promise<EvaluationResult> {
    const { count } = this.#dataset[split]
    const samples = named?.length ?? Math.min(limit ?? Infinity, count)
    if (!(samples >= 1))
      throw new PeergradError('argument', `engine: got ${samples} samples to evaluate, expected some`)
    const stray = named?.find((sample) => sample >= count)
    if (stray !== undefined)
      throw new PeergradError('argument', `engine: got sample ${stray} of the ${split} split, expected one of ${count}`)
    const which = named ?? Uint32Array.from({ length: samples }, (_, i) => i)
    const slices = Array.from({ length: Math.ceil(samples / EVALUATION_SLICE) }, (_, i) => i * EVALUATION_SLICE)
    const handle = this.#handle(state)
    const jobs = slices.map((from) => {
      const slice = which.slice(from, from + EVALUATION_SLICE)
      return { kind: 'evaluate', state: handle, split, samples: slice } as const
    })
    const sums = await this.#pool.runAll(jobs, signal)
    const loss = sums.reduce((sum, slice) => sum + slice.loss, 0) / samples
    const accuracy = sums.reduce((sum, slice) => sum + slice.correct, 0) / samples
    return { loss, accuracy, samples }
  }

  async initialise(seed: number, into: Vector): Promise<void> {
    await this.#pool.run({ kind: 'initialise', seed, into: this.#handle(into) })
  }

  async tensors(): Promise<number[]> {
    const answers = await this.#pool.runOnIdle({ kind: 'memory' } as const)
    return answers.map((answer) => answer.tensors)
  }

  async saveLayersModel({ state, directory, about }: SaveRequest): Promise<string> {
    this.#handle(state)
    const model = await this.#pool.run({ kind: 'describe' } as const)
    const { name, shape, classes, normalise } = this.#dataset
    return writeLayersModel(directory, model, state, { ...about, dataset: name, shape, classes, normalise })
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  #handle(vector: Vector) {
    const expected = layoutLength(this.layout)
    if (vector.length === expected) return this.#arena.handle(vector)
    throw new PeergradError('shape', `engine: got a vector of ${vector.length} floats, expected ${expected}`)
  }
}
