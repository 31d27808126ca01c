import { describe, expect, it } from 'vitest'
import { selectionNetwork, type Step } from '../src/kernels/selection-network.js'

/** What the steps make of values below 2; undefined where a step merges what is not sorted. */
function played(steps: readonly Step[], values: readonly number[]): number[] | undefined {
  const rows = [...values, 2]
  for (const { kind, rows: places } of steps) {
    const taken = places.map((place) => rows[place]!)
    const sorted = taken.toSorted()
    if (kind === 'merge' && taken.some((value, k) => k % 4 !== 0 && value < taken[k - 1]!)) return undefined
    for (let k = 0; k < sorted.length; k++) rows[places[k]!] = sorted[k]!
  }
  return rows.slice(0, -1)
}

/** Of all inputs of zeros and ones, or of those whose ones follow each other, how many are not in order from `first` to `last`. */
function unsorted(n: number, first: number, last: number, inputs: Iterable<number[]>): number {
  const steps = selectionNetwork(n, first, last)
  let wrong = 0
  for (const values of inputs) {
    const ones = values.reduce((a, b) => a + b, 0)
    const result = played(steps, values)
    if (!result?.slice(first, last + 1).every((value, k) => value === Number(first + k >= n - ones))) wrong++
  }
  return wrong
}

function* all(n: number): Generator<number[]> {
  for (let bits = 0; bits < 2 ** n; bits++) yield Array.from({ length: n }, (_, k) => (bits >> k) & 1)
}

function* stretches(n: number): Generator<number[]> {
  for (let start = 0; start < n; start++) {
    for (let ones = 1; ones < n; ones += 3)
      yield Array.from({ length: n }, (_, k) => Number((k - start + n) % n < ones))
  }
}

// a network that sorts all zeros and ones sorts everything (Knuth 5.3.4, theorem Z)
describe('selectionNetwork brings the rows that are wanted in order', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])('of %i zeros and ones, all of them', (n) => {
    for (let first = 0; first <= n >> 1; first++) expect(unsorted(n, first, n - 1 - first, all(n))).toBe(0)
  })

  it.each([12, 13, 16, 17, 24, 31, 33, 63, 64])('of %i zeros and ones that follow each other', (n) => {
    for (const first of [0, n >> 2, (n - 1) >> 1]) expect(unsorted(n, first, n - 1 - first, stretches(n))).toBe(0)
  })
})
