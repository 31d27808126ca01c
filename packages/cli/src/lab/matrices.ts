import type { Table } from '../output/page.js'
import { percent } from '../output/units.js'
import { columnOf, groupBy, groupsOf, meanOf, worstOf, type Group } from './groups.js'
import { defenceOf, isFinished, type Row } from './row.js'

const BEST = { name: 'best evaluation', value: (row: Row) => (isFinished(row) ? row.best : null) }
const LAST = { name: 'last evaluation', value: (row: Row) => (isFinished(row) ? row.last : null) }

const WORST_NOTE =
  'Test accuracy, the worst over the attacks; with several seeds their mean. Best evaluation: the most that a run had at any of its evaluations, as the published heat maps say it, which flatters a run that collapses later. Last: the model at the end, or chance where the run ended before its time.'

/** Heat maps of accuracy: rule × f for each strategy and partition, the worst over the attacks, then each attack. */
export function matrices(rows: readonly Row[]): Table[] {
  // one that failed or was stopped leaves no number: the worst of the others is not the worst
  const groups = groupsOf(rows.filter(({ status }) => status !== 'refused')).filter(({ rows: own }) =>
    own.some((row) => BEST.value(row) !== null)
  )
  return [
    ...groups.flatMap((group) =>
      [BEST, LAST].map(({ name, value }) =>
        matrix(
          `${group.name}: worst of the attacks, ${name}`,
          group,
          (row) => defenceOf(row),
          (cell) => worstOf(cell, value)
        )
      )
    ),
    ...groups
      .filter(({ rows: own }) => new Set(own.map(({ attack }) => attack)).size > 1)
      .map((group) =>
        matrix(
          `${group.name}: each attack, ${LAST.name}`,
          group,
          (row) => `${defenceOf(row)}, ${row.attack}`,
          (cell) => meanOf(cell, LAST.value)
        )
      )
  ].map((table, index) => (index === 0 ? { ...table, notes: [WORST_NOTE] } : table))
}

function matrix(
  heading: string,
  { rows }: Group<Row>,
  nameOf: (row: Row) => string,
  value: (rows: readonly Row[]) => number | null
): Table {
  const columns = [...groupBy(rows, columnOf).keys()]
  const named = [...groupBy(rows, nameOf)]
  const heat = named.map(([, own]) => {
    const cells = groupBy(own, columnOf)
    return columns.map((column) => value(cells.get(column) ?? []))
  })
  return {
    heading,
    columns: ['', ...columns],
    rows: named.map(([name], row) => [name, ...heat[row].map(percent)]),
    notes: [],
    heat
  }
}
