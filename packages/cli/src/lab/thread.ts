import { Worker } from 'node:worker_threads'
import { parsePlugin, PeergradError, whenOverdue } from '@peergrad/core'
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
    const over = new AbortController()
    let unwatch = () => {}
    try {
      return await new Promise<Outcome>((resolve, reject) => {
        const lost = (reason: unknown) => {
          this.#worker = undefined
          reject(PeergradError.from(reason))
        }
        const watch = () => {
          unwatch()
          if (own.length > 0) unwatch = whenOverdue(silence, () => lost(kept(own, 'cell', silence)))
        }
        const onMessage = (answer: Answer) => {
          watch()
          if (answer.type === 'round') onRound(answer.rounds)
          else if (answer.type === 'outcome') resolve(answer.outcome)
          else if (answer.type === 'error') reject(PeergradError.fromJSON(answer.error))
        }
        const onExit = (code: number) =>
          lost(new PeergradError('crashed', `the thread of the cell ended, code ${code}`))
        signal.addEventListener('abort', () => lost(signal.reason), { signal: over.signal })
        worker.on('message', onMessage).on('error', lost).on('exit', onExit)
        over.signal.addEventListener('abort', () => {
          worker.off('message', onMessage).off('error', lost).off('exit', onExit)
        })
        watch()
        worker.postMessage(taskOf(cell))
      })
    } finally {
      unwatch()
      over.abort()
      if (this.#worker === undefined) await worker.terminate()
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const { workers, silence } = this.#init
    // a name from which it is found in a bundle too
    return new Worker(new URL('../lab/simulated/worker.js', import.meta.url), {
      workerData: { workers, beat: silence / BEATS } satisfies Init,
      name: 'peergrad-cell'
    })
  }
}

function taskOf({ plan: _, ...task }: Cell): Task {
  return task
}

/** The user's plug-ins that run on the cell's thread; rules, filters, codecs and models have threads of their own. */
function pluginsOf({ options, attack }: Cell): string[] {
  const users = attack !== NONE && !attacks.entries.has(parsePlugin(attack).name)
  return users ? [...ownPlugins(options), `attack ${attack}`] : ownPlugins(options)
}
