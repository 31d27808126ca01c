import type { Figure } from '../output/page.js'
import { columnOf, groupBy, groupsOf } from './groups.js'
import { defenceOf, isFinished, type Row } from './row.js'

/** Accuracy over the rounds: a figure for each strategy, partition and f, a curve for each rule and attack. */
export function figures(rows: readonly Row[]): Figure[] {
  const drawn = rows.filter(isFinished).filter(({ evaluations }) => evaluations.length > 1)
  return groupsOf(drawn).flatMap(({ name, rows: own }) =>
    [...groupBy(own, columnOf)].map(([column, cells]) => ({
      caption: `${name}, ${column}: test accuracy by round`,
      x: { label: 'round', unit: 'number' as const },
      y: { label: 'test accuracy', unit: 'share' as const },
      points: true,
      curves: cells.map((row) => ({
        label: [defenceOf(row), row.attack, ...(severalSeeds(cells) ? [`seed ${row.seed}`] : [])].join(', '),
        x: row.evaluations.map(({ round }) => round + 1),
        y: row.evaluations.map(({ accuracy }) => accuracy)
      }))
    }))
  )
}

function severalSeeds(rows: readonly Row[]): boolean {
  return new Set(rows.map(({ seed }) => seed)).size > 1
}
