import { availableParallelism } from 'node:os'
import { PeergradError, type Options } from '@peergrad/core'
import { loadDataset } from '@peergrad/engine'
import { cacheDirectory } from '../compose.js'
import { EXIT, exitCodeOf } from '../exit-codes.js'
import { print, printJson, say } from '../output/print.js'
import { unguarded } from '../unguarded.js'
import { interruptible, type Stops } from '../train/interruptible.js'
import type { Axis } from './axes.js'
import { isPlanned, planCells, type Cell } from './cells.js'
import { keptOf, type Mode } from './kept.js'
import type { Outcome } from './outcome.js'
import { runProcesses } from './processes.js'
import { reportOf, terminal, writeReport, type LabReport } from './report.js'
import type { Row } from './row.js'
import { runGrid, type RunCell } from './run.js'
import { CellThread } from './thread.js'

export interface AttackInit {
  readonly axes: readonly Axis[]
  readonly mode: Mode
  readonly out: string
  /** run what is there again */
  readonly fresh: boolean
  readonly json: boolean
  /** simulated cells that run at the same time; one for each core when left out */
  readonly parallel: number | undefined
  /** the program that a peer is, `bin/peergrad.js` */
  readonly program: string
  /** what the terminal shows in the place of all tables */
  readonly summary?: (rows: readonly Row[]) => string
}

/** `peergrad attack`: runs the cells of a grid that are not there. Resolves to the exit code once no process is left. */
export async function attackHere(init: AttackInit): Promise<number> {
  const { axes, mode, out, fresh, json, summary } = init
  const cells = await planCells(axes, { out, mode })
  await sayPlan(cells, out)
  return interruptible(async (stops) => {
    const report = (rows: readonly Row[]): LabReport => reportOf({ mode, options: (cells[0] as Cell).options, rows })
    const kept = fresh ? new Map<Cell, Outcome>() : keptOf(cells, mode)
    const left = cells.filter(isPlanned).length - kept.size
    const parallel = init.parallel ?? Math.max(1, Math.min(availableParallelism(), left))
    const rows = await running({ ...init, parallel, stops }, (runners) =>
      runGrid({
        cells,
        mode,
        kept,
        signal: stops.signal,
        runners,
        onRow: (done) => writeReport(out, report(done))
      })
    )
    const whole = report(rows)
    writeReport(out, whole)
    if (json) printJson(whole)
    else
      print(
        `\n${summary?.(rows) ?? terminal(whole)}\n  attack.html, .md, .csv, .json and a directory for each cell in ${out}\n`
      )
    return stops.signal.aborted ? EXIT.interrupted.code : exitCode(rows)
  })
}

/** What runs cells, for as long as the work on the grid goes on. */
async function running<T>(
  { mode, program, parallel, stops }: Pick<AttackInit, 'mode' | 'program'> & { parallel: number; stops: Stops },
  work: (runners: readonly RunCell[]) => Promise<T>
): Promise<T> {
  if (mode === 'processes') return work([(cell, plan) => runProcesses({ cell, plan, program, stops })])
  const workers = Math.max(1, Math.floor(availableParallelism() / parallel))
  const { signal } = stops
  const threads = Array.from({ length: parallel }, () => new CellThread({ workers }))
  const loaded = new Map<string, Promise<void>>()
  try {
    return await work(
      threads.map((thread): RunCell => async (cell, _plan, onRound) => {
        const { dataset } = cell.options
        // read once here before so many threads do: a data set that is fetched is fetched once
        const ready = loaded.get(dataset) ?? load(cell.options, signal)
        loaded.set(dataset, ready)
        await ready.catch((thrown: unknown) => {
          loaded.delete(dataset)
          throw thrown
        })
        return thread.run(cell, { signal, onRound })
      })
    )
  } finally {
    for (const thread of threads) await thread.close()
  }
}

/** What is fetched is in the cache then. */
async function load(options: Options, signal: AbortSignal): Promise<void> {
  await loadDataset(options.dataset, { cacheDirectory: cacheDirectory(options), report: say, signal })
}

/** What cannot be is said before anything runs. */
async function sayPlan(cells: readonly Cell[], out: string): Promise<void> {
  const planned = cells.filter(isPlanned)
  say(`peergrad: ${planned.length} cells to attack; files in ${out}`)
  for (const { name, plan } of cells) if (plan instanceof PeergradError) say(`  refused: ${name}: ${plan.message}`)
  const attacked = planned.filter(({ plan }) => plan.attack !== undefined)
  const weak = await Promise.all(attacked.map(({ plan }) => unguarded(plan.manifest)))
  const averages = weak.filter((each) => each !== undefined).length
  if (averages > 0) say(`  ${averages} of them declare f = 0, with which a robust rule is an average`)
}

function exitCode(rows: readonly Row[]): number {
  const failed = rows.find((row) => row.status === 'failed')
  return failed === undefined
    ? EXIT.ok.code
    : exitCodeOf(new PeergradError(failed.code, failed.reason, { plugin: failed.plugin }))
}
