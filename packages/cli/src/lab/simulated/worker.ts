import { parentPort, workerData } from 'node:worker_threads'
import { PeergradError } from '@peergrad/core'
import { planAgain, type Cell } from '../cells.js'
import type { Outcome } from '../outcome.js'
import { Laboratory } from './laboratory.js'
import { simulateCell } from './run.js'

/** A cell as it goes to the thread: plug-ins do not. */
export type Task = Omit<Cell, 'plan'>

/** What the thread is made with. */
export interface Init {
  /** of an engine */
  readonly workers: number
  /** milliseconds between two answers that say nothing but that its event loop turns */
  readonly beat: number
}

export type Answer =
  | { readonly type: 'alive' }
  | { readonly type: 'round'; readonly rounds: number }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'error'; readonly error: ReturnType<PeergradError['toJSON']> }

const { workers, beat } = workerData as Init
let laboratory: Laboratory | undefined
const post = (answer: Answer) => parentPort?.postMessage(answer)

async function run(cell: Task): Promise<Answer> {
  try {
    const plan = await planAgain(cell)
    laboratory ??= new Laboratory({ workers })
    const onRound = (rounds: number) => post({ type: 'round', rounds })
    const outcome = await simulateCell({ cell, plan, laboratory, onRound })
    return { type: 'outcome', outcome }
  } catch (thrown) {
    return { type: 'error', error: PeergradError.from(thrown).toJSON() }
  }
}

setInterval(() => post({ type: 'alive' }), beat)
parentPort?.on('message', (cell: Task) => void run(cell).then(post))
