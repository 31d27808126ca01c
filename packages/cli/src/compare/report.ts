import { join } from 'node:path'
import { directory, writeWhole } from '../files.js'
import { csvText, markdownReport, terminalReport, type Report } from '../output/report.js'
import { COST, TARGET, TIMES, TRAFFIC, WORK } from './columns.js'
import { title, type Comparison } from './comparison.js'
import { page } from './page.js'
import { remarks, tables } from './tables.js'

/** Writes `compare.json`, `.csv`, `.md` and `.html`. Errors: `full`, `missing` … with the path. */
export function writeReport(out: string, comparison: Comparison): void {
  directory(out)
  writeWhole(join(out, 'compare.json'), `${JSON.stringify(comparison, null, 2)}\n`)
  writeWhole(join(out, 'compare.csv'), csv(comparison))
  writeWhole(join(out, 'compare.md'), markdown(comparison))
  writeWhole(join(out, 'compare.html'), page(comparison))
}

/** For a terminal. */
export function terminal(comparison: Comparison): string {
  return terminalReport(report(comparison))
}

/** RFC 4180. A strategy has every column, known or not, so that files can be put together. */
export function csv({ strategies }: Comparison): string {
  const columns = [...WORK, ...TARGET, ...TRAFFIC, ...TIMES, ...COST]
  return csvText([
    ['strategy', 'status', 'reason', ...columns.map(({ key }) => key)],
    ...strategies.map((row) => [
      row.strategy,
      row.status,
      row.status === 'failed' ? row.reason : '',
      ...columns.map(({ value }) => String((row.status === 'finished' ? value(row) : undefined) ?? ''))
    ])
  ])
}

export function markdown(comparison: Comparison): string {
  return markdownReport(report(comparison))
}

function report(comparison: Comparison): Report {
  const { command, machine, date } = comparison
  return {
    title: title(comparison),
    command,
    made: `${machine}, ${date.slice(0, 10)}`,
    remarks: remarks(comparison),
    tables: tables(comparison)
  }
}
