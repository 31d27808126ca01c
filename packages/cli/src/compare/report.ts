import { join } from 'node:path'
import { directory, writeWhole } from '../files.js'
import { table } from '../output/table.js'
import { COST, TARGET, TIMES, TRAFFIC, WORK } from './columns.js'
import { title, type Comparison } from './comparison.js'
import { page } from './page.js'
import { tables, remarks } from './tables.js'

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
  const parts = tables(comparison).map(({ heading, columns, rows, notes }) =>
    ['', heading, ...table(columns, rows), ...notes.map((note) => `  ${note}`)].join('\n')
  )
  const remarked = remarks(comparison)
  return [title(comparison), ...parts, ...(remarked.length > 0 ? ['', ...remarked] : []), ''].join('\n')
}

/** RFC 4180. A strategy has every column, known or not, so that files can be put together. */
export function csv({ strategies }: Comparison): string {
  const columns = [...WORK, ...TARGET, ...TRAFFIC, ...TIMES, ...COST]
  const lines = [
    ['strategy', 'status', 'reason', ...columns.map(({ key }) => key)],
    ...strategies.map((row) => [
      row.strategy,
      row.status,
      row.status === 'failed' ? row.reason : '',
      ...columns.map(({ value }) => String((row.status === 'finished' ? value(row) : undefined) ?? ''))
    ])
  ]
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('')
}

export function markdown(comparison: Comparison): string {
  const { command, machine, date } = comparison
  const parts = tables(comparison).map(({ heading, columns, rows, notes }) => {
    const lines = [columns, columns.map((_, column) => (column === 0 ? '---' : '--:')), ...rows].map(
      (cells) => `| ${cells.map(escaped).join(' | ')} |`
    )
    return [`## ${heading}`, lines.join('\n'), ...notes.map(escaped)].join('\n\n')
  })
  const remarked = remarks(comparison).map((each) => `- ${escaped(each)}`)
  return `${[
    `# ${escaped(title(comparison))}`,
    `    ${command}`,
    `${escaped(machine)}, ${date.slice(0, 10)}.`,
    ...parts,
    ...(remarked.length > 0 ? [remarked.join('\n')] : [])
  ].join('\n\n')}\n`
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

/** Text in a cell or paragraph of Markdown. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, '\\$&').replace(/\s*\n\s*/g, ' ')
}
