import { join } from 'node:path'
import type { Options } from '@peergrad/core'
import { directory, writeWhole } from '../files.js'
import { page, type PageInit } from '../output/page.js'
import { commandLine, machine } from '../output/provenance.js'
import { csvText, markdownReport, terminalReport } from '../output/report.js'
import { CSV_COLUMNS } from './columns.js'
import { figures } from './figures.js'
import type { Mode } from './kept.js'
import type { Row } from './row.js'
import { matrices } from './matrices.js'
import { aims, remarks, standings } from './tables.js'

/** `attack.json`: everything that the tables and the page show. */
export interface LabReport {
  /** what made it, for a shell */
  readonly command: string
  /** of its end, ISO 8601 */
  readonly date: string
  readonly machine: string
  readonly mode: Mode
  /** of the first cell, which the others have too but for what the grid varies */
  readonly run: Pick<Options, (typeof COMMON)[number]>
  readonly cells: readonly Row[]
}

const COMMON = [
  'model',
  'dataset',
  'batch',
  'minibatches',
  'rounds',
  'epochs',
  'optimizer',
  'lr',
  'momentum',
  'weight-decay',
  'schedule',
  'worker-momentum',
  'evaluate-every',
  'engine',
  'store'
] as const

export function reportOf(
  { mode, options, rows }: { mode: Mode; options: Options; rows: readonly Row[] },
  { args = process.argv.slice(2), now = new Date() } = {}
): LabReport {
  return {
    command: commandLine(args),
    date: now.toISOString(),
    machine: machine(),
    mode,
    run: Object.fromEntries(COMMON.map((word) => [word, options[word]])) as LabReport['run'],
    cells: rows
  }
}

/** Writes `attack.json`, `.csv`, `.md` and `.html`. Errors: `full`, `missing` … with the path. */
export function writeReport(out: string, report: LabReport): void {
  directory(out)
  writeWhole(join(out, 'attack.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeWhole(join(out, 'attack.csv'), csv(report))
  writeWhole(join(out, 'attack.md'), markdown(report))
  writeWhole(join(out, 'attack.html'), html(report))
}

export function terminal(report: LabReport): string {
  return terminalReport(parts(report))
}

export function markdown(report: LabReport): string {
  return markdownReport(parts(report))
}

export function html(report: LabReport): string {
  const { cells } = report
  return page({
    ...parts(report),
    first: matrices(cells),
    tables: [...aims(cells), ...standings(cells)],
    figures: figures(cells),
    numbers: 'attack.json'
  })
}

/** RFC 4180. A cell has every column, known or not, so that files can be put together. */
export function csv({ cells }: Pick<LabReport, 'cells'>): string {
  return csvText([
    CSV_COLUMNS.map(({ key }) => key),
    ...cells.map((row) => CSV_COLUMNS.map(({ value }) => String(value(row) ?? '')))
  ])
}

function parts(report: LabReport): Omit<PageInit, 'figures' | 'numbers'> {
  const { command, machine: where, date, cells } = report
  return {
    title: titleOf(report),
    command,
    made: `${where}, ${date.slice(0, 10)}`,
    remarks: remarks(cells),
    tables: [...matrices(cells), ...aims(cells), ...standings(cells)]
  }
}

/** What all cells have in common: of what the grid varies the headings say it. */
function titleOf({ mode, run, cells }: Pick<LabReport, 'mode' | 'run' | 'cells'>): string {
  const { model, dataset, batch, optimizer, lr, rounds, epochs } = run
  const told = (word: keyof LabReport['run'], text: string) =>
    cells.some(({ others }) => Object.hasOwn(others, word)) ? [] : [text]
  const on = [...told('model', ` on ${model}`), ...told('dataset', ` on ${dataset}`)].join('')
  const length = rounds === 0 ? told('epochs', `${epochs} epochs`) : told('rounds', `${rounds} rounds`)
  const step = [...told('optimizer', optimizer), ...told('lr', `at ${lr}`)].join(' ')
  const settings = [...length, ...told('batch', `batch ${batch}`), ...(step === '' ? [] : [step]), ...when(cells)].join(
    ', '
  )
  const how = mode === 'simulation' ? 'simulated' : 'over real processes'
  return `Attacks${on}, ${how}${settings === '' ? '' : `: ${settings}`}`
}

/** The schedule of the attacks, where all cells have one. */
function when(cells: readonly Row[]): string[] {
  const varies = cells.some(({ others }) => Object.hasOwn(others, 'attack-schedule'))
  const text = cells.find(({ attackSchedule }) => typeof attackSchedule === 'string')?.attackSchedule
  return varies || typeof text !== 'string' ? [] : [`attacks in rounds ${text}`]
}
