import { table } from '../output/table.js'
import { bytes, percent, whole } from '../output/units.js'
import type { Measurement } from './measurement.js'

interface Column {
  readonly heading: string
  /** as people read it */
  readonly text: (row: Measurement) => string
  /** as programs do */
  readonly value: (row: Measurement) => string | number
}

const COLUMNS: readonly Column[] = [
  { heading: 'strategy', text: ({ strategy }) => strategy, value: ({ strategy }) => strategy },
  { heading: 'peers', text: ({ peers }) => whole(peers), value: ({ peers }) => peers },
  {
    heading: 'time per round',
    text: (row) => `${secondsPerRound(row).toPrecision(4)} s`,
    value: secondsPerRound
  },
  {
    heading: 'rounds per second',
    text: (row) => (1 / secondsPerRound(row)).toPrecision(4),
    value: (row) => 1 / secondsPerRound(row)
  },
  bytesColumn('bytes, median', (row) => row.bytes.median),
  bytesColumn('by formula', (row) => row.formula.median),
  bytesColumn('bytes, worst', (row) => row.bytes.worst),
  bytesColumn('worst by formula', (row) => row.formula.worst),
  { heading: 'off by', text: ({ deviation }) => percent(deviation), value: ({ deviation }) => deviation },
  bytesColumn('messages, median', (row) => row.control.median),
  { heading: 'events', text: ({ events }) => whole(events), value: ({ events }) => events }
]

/** Virtual seconds, on the average. */
export function secondsPerRound({ seconds, rounds }: Measurement): number {
  return seconds / rounds
}

/** Rows for the terminal. */
export function terminalTable(rows: readonly Measurement[]): string {
  return table(
    COLUMNS.map(({ heading }) => heading),
    rows.map((row) => COLUMNS.map(({ text }) => text(row)))
  ).join('\n')
}

export function markdownTable(rows: readonly Measurement[]): string {
  const lines = [
    COLUMNS.map(({ heading }) => heading),
    COLUMNS.map((_, index) => (index === 0 ? '---' : '--:')),
    ...rows.map((row) => COLUMNS.map(({ text }) => text(row)))
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

/** RFC 4180, seconds and bytes as they are. */
export function csvTable(rows: readonly Measurement[]): string {
  const lines = [COLUMNS.map(({ heading }) => heading), ...rows.map((row) => COLUMNS.map(({ value }) => value(row)))]
  return lines.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('')
}

function bytesColumn(heading: string, of: (row: Measurement) => number): Column {
  return { heading, text: (row) => bytes(Math.round(of(row))), value: of }
}

function csvCell(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
