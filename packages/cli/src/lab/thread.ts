import { Worker } from 'node:worker_threads'
import { isBuiltIn, PeergradError, whenOverdue, type ErrorJSON } from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { attacks } from '../attack/registry.js'
import { kept, ownPlugins } from '../train/silence.js'
import { NONE, type Cell } from './cells.js'
import type { Outcome } from './outcome.js'
import type { Answer, Init, Task } from './simulated/worker.js'

/** Milliseconds after which a thread that says nothing, and runs plug-ins of the user's, is taken to loop. */
const SILENCE = 120_000
/** Times that it says something meanwhile. */
const BEATS = 20

export interface CellThreadInit {
  /** of an engine */
  readonly workers: number
  /** milliseconds; 120 s when left out */
  readonly silence?: number
}

export interface CellRun {
  readonly signal: AbortSignal
  /** rounds that all honest peers have ended */
  readonly onRound: (rounds: number) => void
}

/**
 * Runs simulated cells, one after the other, in a thread that has a laboratory of its own. Cells of several threads share no event
 * loop, and one that loops or dies takes no other with it.
 */
export class CellThread {
  readonly #init: Required<CellThreadInit>
  #worker: Worker | undefined
  #running:
    { readonly onAnswer: (answer: Answer) => void; readonly reject: (reason: PeergradError) => void } | undefined

  constructor({ workers, silence = SILENCE }: CellThreadInit) {
    this.#init = { workers, silence }
  }

  /**
   * The cell before must be over. Errors: those of the run; `timeout` names the plug-ins of the user's that may loop; `crashed`
   * when the thread ends by itself; why the signal aborted. After the last three the next cell has a new thread.
   */
  async run(cell: Cell, { signal, onRound }: CellRun): Promise<Outcome> {
    signal.throwIfAborted()
    const worker = (this.#worker ??= this.#start())
    const { silence } = this.#init
    const own = pluginsOf(cell)
    let unwatch = () => {}
    const onAbort = () => this.#lost(worker, PeergradError.from(signal.reason))
    signal.addEventListener('abort', onAbort)
    try {
      return await new Promise<Outcome>((resolve, reject) => {
        const watch = () => {
          unwatch()
          if (own.length > 0) unwatch = whenOverdue(silence, () => this.#lost(worker, kept(own, 'cell', silence)))
        }
        const onAnswer = (answer: Answer) => {
          watch()
          if (answer.type === 'round') onRound(answer.rounds)
          else if (answer.type === 'outcome') resolve(answer.outcome)
          else if (answer.type === 'error') reject(PeergradError.fromJSON(answer.error))
        }
        this.#running = { onAnswer, reject }
        watch()
        worker.postMessage(taskOf(cell))
      })
    } finally {
      unwatch()
      signal.removeEventListener('abort', onAbort)
      this.#running = undefined
      if (this.#worker === undefined) await worker.terminate()
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const { workers, silence } = this.#init
    // a name from which it is found in a bundle too
    const worker = new Worker(new URL('../lab/simulated/worker.js', import.meta.url), {
      workerData: { workers, beat: silence / BEATS } satisfies Init,
      name: 'peergrad-cell'
    })
    // it may end between two cells too
    return worker
      .on('message', (answer: Answer) => this.#running?.onAnswer(answer))
      .on('error', (thrown: unknown) => this.#lost(worker, received(thrown)))
      .on('exit', (code) =>
        this.#lost(worker, new PeergradError('crashed', `the thread of the cell ended, code ${code}`))
      )
  }

  #lost(worker: Worker, reason: PeergradError): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#running?.reject(reason)
  }
}

/** What a thread threw, which has lost its class on the way. */
function received(thrown: unknown): PeergradError {
  const sent = thrown as ErrorJSON | null | undefined
  return sent?.name === 'PeergradError' ? PeergradError.fromJSON(sent) : PeergradError.from(thrown)
}

function taskOf({ plan: _, ...task }: Cell): Task {
  return task
}

/** The user's plug-ins that run on the cell's thread: rules too, where an attack is searched against them. */
function pluginsOf({ options, attack }: Cell): string[] {
  const { aggregator, 'pre-aggregator': pre } = options
  return [
    ...ownPlugins(options),
    ...(attack === NONE || isBuiltIn(attacks, attack) ? [] : [`attack ${attack}`]),
    ...(isBuiltIn(aggregators, aggregator) ? [] : [`aggregator ${aggregator}`]),
    ...pre.filter((text) => !isBuiltIn(preAggregators, text)).map((text) => `pre-aggregator ${text}`)
  ]
}
