import { NONE } from './cells.js'
import type { Row } from './row.js'

/** Rows that one table shows: all but rule, attack, number of hostile peers and seed is the same. */
export interface Group<R extends Row> {
  /** as a heading says it */
  readonly name: string
  readonly rows: readonly R[]
}

export function groupsOf<R extends Row>(rows: readonly R[]): Group<R>[] {
  const groups = groupBy(rows, ({ strategy, partition, others }) => {
    const words = Object.entries(others).map(([word, value]) => `${word} ${String(value)}`)
    return [strategy, partition, ...words].join(', ')
  })
  return [...groups].map(([name, own]) => ({ name, rows: own }))
}

/** In the order in which the keys come first. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

/** What of f a column says: hostile peers, and what rules were told where that is another number. */
export function columnOf({ byzantine, declared }: Pick<Row, 'byzantine' | 'declared'>): string {
  return declared === byzantine ? `f = ${byzantine}` : `f = ${byzantine}, declared ${declared}`
}

/** A number of an attack: the mean over the seeds; null when a seed has none. */
export function meanOf<R extends Row>(rows: readonly R[], value: (row: R) => number | null): number | null {
  let sum = 0
  for (const row of rows) {
    const each = value(row)
    if (each === null) return null
    sum += each
  }
  return rows.length === 0 ? null : sum / rows.length
}

/** The least over the attacks of the mean over the seeds, as in ByzFL; of runs without an attack only where there is no other. */
export function worstOf<R extends Row>(rows: readonly R[], value: (row: R) => number | null): number | null {
  const attacked = rows.filter(({ attack }) => attack !== NONE)
  const means = [...groupBy(attacked.length > 0 ? attacked : rows, ({ attack }) => attack).values()].map((each) =>
    meanOf(each, value)
  )
  const known = means.filter((mean) => mean !== null)
  return known.length === 0 || known.length < means.length ? null : Math.min(...known)
}
