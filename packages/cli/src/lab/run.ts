import { PeergradError } from '@peergrad/core'
import { say } from '../output/print.js'
import { machine } from '../output/provenance.js'
import { isPlanned, type Cell, type CellPlan } from './cells.js'
import { removeKept, writeKept, type Mode } from './kept.js'
import type { Outcome } from './outcome.js'
import { factsOf, type Row } from './row.js'
import { GridProgress } from './progress.js'

/** Runs one cell to its end. Rejects with what makes it fail, and with the signal's reason when it was stopped. */
export type RunCell = (cell: Cell, plan: CellPlan, onRound: (rounds: number) => void) => Promise<Outcome>

export interface RunGridInit {
  readonly cells: readonly Cell[]
  readonly mode: Mode
  /** what cells came to that are not run again */
  readonly kept: ReadonlyMap<Cell, Outcome>
  /** aborts to stop the run in hand and to start no other */
  readonly signal: AbortSignal
  /** one at least: as many cells run at the same time */
  readonly runners: readonly RunCell[]
  /** after each cell that was run, with all rows as they are so far */
  readonly onRow: (rows: readonly Row[]) => void
}

/** Runs what is not there, in order. A cell that fails, or that cannot be, is a row that says why. */
export async function runGrid({ cells, mode, kept, signal, runners, onRow }: RunGridInit): Promise<Row[]> {
  if (kept.size > 0) say(`peergrad: ${kept.size} of ${cells.length} cells are there already`)
  // over real processes the run in hand says itself how far it is
  const lines = mode === 'simulation'
  const progress = new GridProgress(
    cells.filter((cell) => isPlanned(cell) && !kept.has(cell)),
    { lines }
  )
  const rows = new Map<Cell, Row>()
  const inOrder = () => cells.map((cell) => rows.get(cell) ?? waiting(cell))
  const left: Cell[] = []
  for (const cell of cells) {
    const known = kept.get(cell)
    if (known === undefined) left.push(cell)
    else rows.set(cell, finished(cell, known))
  }
  const work = async (run: RunCell) => {
    for (let cell = left.shift(); cell !== undefined; cell = left.shift()) {
      rows.set(cell, await runOne(cell, { mode, signal, run, progress }))
      onRow(inOrder())
    }
  }
  const ends = await Promise.allSettled(
    runners.map((run) =>
      work(run).catch((thrown: unknown) => {
        left.length = 0
        throw thrown
      })
    )
  )
  progress.close()
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  return inOrder()
}

/** A cell that is not there yet: without it the worst of the others would be taken for the worst. */
function waiting(cell: Cell): Row {
  return isPlanned(cell) ? { ...factsOf(cell), status: 'stopped' } : refused(cell)
}

function refused(cell: Cell): Row {
  const { code, message } = cell.plan as PeergradError
  return { ...factsOf(cell), status: 'refused', code, reason: message }
}

function finished(cell: Cell, outcome: Outcome): Row {
  return { ...factsOf(cell), status: 'finished', ...outcome }
}

interface RunOneInit {
  readonly run: RunCell
  readonly progress: GridProgress
}

async function runOne(
  cell: Cell,
  { mode, signal, run, progress }: Pick<RunGridInit, 'mode' | 'signal'> & RunOneInit
): Promise<Row> {
  const facts = factsOf(cell)
  if (!isPlanned(cell)) return refused(cell)
  if (signal.aborted) return { ...facts, status: 'stopped' }
  try {
    removeKept(cell)
    progress.begin(cell)
    const came = await run(cell, cell.plan, (rounds) => progress.round(cell, rounds))
    const outcome = { ...came, made: `${machine()}, ${new Date().toISOString().slice(0, 10)}` }
    writeKept(cell, mode, outcome)
    progress.end(cell, outcome)
    return finished(cell, outcome)
  } catch (thrown) {
    if (signal.aborted) return { ...facts, status: 'stopped' }
    const { code, message, data } = PeergradError.from(thrown)
    progress.fail(cell, message)
    const plugin = typeof data.plugin === 'string' && { plugin: data.plugin }
    return { ...facts, status: 'failed', code, reason: message, ...plugin }
  }
}
