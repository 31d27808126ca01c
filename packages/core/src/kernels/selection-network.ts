/** So many rows are sorted by pairs with less work. */
const FEW = 4

/** Rows that a step of a network brings in order: two, or eight of which `merge` expects both halves to be so already. */
export interface Step {
  readonly kind: 'pair' | 'sort' | 'merge'
  readonly rows: readonly number[]
}

/**
 * Steps that bring rows `first` to `last` of n into their places: Batcher's odd-even merge sort (Knuth, The Art of Computer
 * Programming 3, 5.2.2, algorithm M) without what those rows do not need, eight rows at once where it can, for those fit
 * into registers. Row n, where a step names it, holds what is above all others.
 */
export function selectionNetwork(n: number, first: number, last: number): Step[] {
  const needed = new Set(Array.from({ length: last - first + 1 }, (_, k) => first + k))
  const kept: Step[] = []
  for (const step of sorting(padded(n), n).reverse()) {
    if (!step.rows.some((row) => needed.has(row))) continue
    for (const row of step.rows) if (row < n) needed.add(row)
    kept.push(step)
  }
  return kept.reverse()
}

/** 0 to n − 1, and then n up to a power of two. */
function padded(n: number): number[] {
  return Array.from({ length: 2 ** Math.ceil(Math.log2(n)) }, (_, row) => Math.min(row, n))
}

function sorting(rows: readonly number[], n: number): Step[] {
  if (rows.length < 2) return []
  if (rows.length === 8 && rows[FEW] < n) return [{ kind: 'sort', rows }]
  const half = rows.length / 2
  return [...sorting(rows.slice(0, half), n), ...sorting(rows.slice(half), n), ...merging(rows, n)]
}

/** Merges two sorted halves: what has an even place in them, what has an odd one, and then neighbours. */
function merging(rows: readonly number[], n: number): Step[] {
  if (rows[rows.length / 2] === n) return []
  if (rows.length === 2) return [{ kind: 'pair', rows }]
  if (rows.length === 8) return [{ kind: 'merge', rows }]
  const everySecond = (parity: number) => rows.filter((_, place) => place % 2 === parity)
  const neighbours = rows.slice(1, -1).flatMap((row, k, inner) => (k % 2 === 0 ? [[row, inner[k + 1]]] : []))
  return [
    ...merging(everySecond(0), n),
    ...merging(everySecond(1), n),
    ...neighbours.filter(([, above]) => above < n).map((pair): Step => ({ kind: 'pair', rows: pair }))
  ]
}
