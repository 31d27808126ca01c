import { availableParallelism } from 'node:os'
import { Arena, type Dataset, type Engine, type Options, type RunManifest } from '@peergrad/core'
import { createEngine, loadDataset, type TfjsEngine } from '@peergrad/engine'
import { SharedMemory } from '@peergrad/store'
import { cacheDirectory } from '../../compose.js'
import { say } from '../../output/print.js'
import { evaluatingOnce } from './evaluating-once.js'
import { Outside } from './outside.js'

/** All that there can be: address space, which takes no memory until it is touched. */
const ARENA_BYTES = 2 ** 32 - (2 << 20)
/** Milliseconds of the machine's time that a rule or filter may work on one call. */
const PLUGIN_TIMEOUT = 60_000
/** The same of one job of a model. */
const MODEL_TIMEOUT = 300_000

interface Opened {
  readonly name: string
  readonly dataset: Dataset
  readonly engine: TfjsEngine
  /** the same, as the peers of a simulation see it */
  readonly shared: Engine
}

/** What the simulated runs of a grid share: one memory, one engine and one data set, for as long as they are the same. */
export class Laboratory {
  readonly arena = Arena.create({ bytes: ARENA_BYTES })
  readonly outside = new Outside()
  readonly memory = new SharedMemory({ arena: this.arena, pluginTimeout: PLUGIN_TIMEOUT })
  readonly #workers: number
  #opened: Opened | undefined

  /** @param workers of an engine, where a run does not say how many */
  constructor({ workers = availableParallelism() } = {}) {
    this.#workers = workers
  }

  /** Data and engine of a run; those of the run before, where they are the same. */
  async open({ model, dataset: name }: RunManifest, options: Options): Promise<Opened> {
    const key = JSON.stringify([model, name, options.engine])
    if (this.#opened?.name === key) return this.#opened
    await this.#closeEngine()
    const dataset = await loadDataset(name, { cacheDirectory: cacheDirectory(options), report: say })
    const engine = await this.engine({ model, dataset, options })
    const shared = this.outside.of(evaluatingOnce(engine))
    this.#opened = { name: key, dataset, engine, shared }
    return this.#opened
  }

  /** An engine over the same memory. */
  engine({
    model,
    dataset,
    options,
    workers = options['engine-workers'] || this.#workers
  }: {
    model: string
    dataset: Dataset
    options: Options
    workers?: number
  }): Promise<TfjsEngine> {
    return createEngine({
      backend: options.engine,
      model,
      dataset,
      arena: this.arena,
      workers,
      pluginTimeout: MODEL_TIMEOUT
    })
  }

  async close(): Promise<void> {
    await this.#closeEngine()
    await this.memory.close()
  }

  async #closeEngine(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.engine.close()
  }
}
