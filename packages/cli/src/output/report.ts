import type { PageInit, Table } from './page.js'
import { table } from './table.js'

/** What the terminal and Markdown have of a report. */
export type Report = Pick<PageInit, 'title' | 'command' | 'made' | 'remarks' | 'tables'>

export function terminalReport({ title, remarks, tables }: Report): string {
  const parts = tables.map(({ heading, columns, rows, notes }) =>
    ['', heading, ...table(columns, rows), ...notes.map((note) => `  ${note}`)].join('\n')
  )
  return [title, ...parts, ...(remarks.length > 0 ? ['', ...remarks] : []), ''].join('\n')
}

export function markdownReport({ title, command, made, remarks, tables }: Report): string {
  const remarked = remarks.map((each) => `- ${escaped(each)}`)
  return `${[
    `# ${escaped(title)}`,
    `    ${command}`,
    `${escaped(made)}.`,
    ...tables.map(markdownTable),
    ...(remarked.length > 0 ? [remarked.join('\n')] : [])
  ].join('\n\n')}\n`
}

/** RFC 4180. */
export function csvText(lines: readonly (readonly string[])[]): string {
  return lines.map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('')
}

function markdownTable({ heading, columns, rows, notes }: Table): string {
  const lines = [columns, columns.map((_, column) => (column === 0 ? '---' : '--:')), ...rows].map(
    (cells) => `| ${cells.map(escaped).join(' | ')} |`
  )
  return [`## ${escaped(heading)}`, lines.join('\n'), ...notes.map(escaped)].join('\n\n')
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

/** Text in a cell or paragraph of Markdown. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|]/g, '\\$&').replace(/\s*\n\s*/g, ' ')
}
