import { PeergradError } from '@peergrad/core'
import { say } from '../output/print.js'
import { isPlanned, type Cell, type CellPlan } from './cells.js'
import { readKept, removeKept, writeKept, type Mode } from './kept.js'
import type { Outcome } from './outcome.js'
import { factsOf, type Row } from './row.js'
import { GridProgress } from './progress.js'

/** Runs one cell to its end. Rejects with what makes it fail, and with the signal's reason when it was stopped. */
export type RunCell = (cell: Cell, plan: CellPlan, onRound: (rounds: number) => void) => Promise<Outcome>

export interface RunGridInit {
  readonly cells: readonly Cell[]
  readonly mode: Mode
  /** run what is there again */
  readonly fresh: boolean
  /** aborts to stop the run in hand and to start no other */
  readonly signal: AbortSignal
  readonly run: RunCell
  /** after each cell that was run, with all rows so far */
  readonly onRow: (rows: readonly Row[]) => void
}

/** Runs one after the other what is not there. One that fails, or that cannot be, is a row that says why. */
export async function runGrid({ cells, mode, fresh, signal, run, onRow }: RunGridInit): Promise<Row[]> {
  const kept = new Map<Cell, Outcome>()
  for (const cell of cells.filter(isPlanned)) {
    const outcome = fresh ? undefined : readKept(cell, mode)
    if (outcome !== undefined) kept.set(cell, outcome)
  }
  if (kept.size > 0) say(`peergrad: ${kept.size} of ${cells.length} cells are there already`)
  const progress = new GridProgress(cells.filter((cell) => isPlanned(cell) && !kept.has(cell)))
  const rows: Row[] = []
  try {
    for (const cell of cells) {
      const known = kept.get(cell)
      rows.push(known === undefined ? await runOne(cell, { mode, signal, run, progress }) : finished(cell, known))
      if (known === undefined) onRow(rows)
    }
  } finally {
    progress.close()
  }
  return rows
}

function finished(cell: Cell, outcome: Outcome): Row {
  return { ...factsOf(cell), status: 'finished', ...outcome }
}

async function runOne(
  cell: Cell,
  { mode, signal, run, progress }: Pick<RunGridInit, 'mode' | 'signal' | 'run'> & { readonly progress: GridProgress }
): Promise<Row> {
  const facts = factsOf(cell)
  if (!isPlanned(cell)) {
    const { code, message } = cell.plan as PeergradError
    return { ...facts, status: 'refused', code, reason: message }
  }
  if (signal.aborted) return { ...facts, status: 'stopped' }
  try {
    removeKept(cell)
    progress.begin(cell)
    const outcome = await run(cell, cell.plan, (rounds) => progress.round(rounds))
    writeKept(cell, mode, outcome)
    progress.end(outcome)
    return finished(cell, outcome)
  } catch (thrown) {
    if (signal.aborted) return { ...facts, status: 'stopped' }
    const { code, message } = PeergradError.from(thrown)
    progress.fail(message)
    return { ...facts, status: 'failed', code, reason: message }
  }
}
