/**
 * Comparators (a, b), a < b, that bring rows `first` to `last` of n into their places: Batcher's odd-even merge sort
 * (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M) without what those rows do not need.
 */
export function selectionNetwork(n: number, first: number, last: number): (readonly [number, number])[] {
  const needed = new Set(Array.from({ length: last - first + 1 }, (_, k) => first + k))
  const kept: (readonly [number, number])[] = []
  for (const [a, b] of sortingNetwork(n).reverse()) {
    if (!needed.has(a) && !needed.has(b)) continue
    needed.add(a).add(b)
    kept.push([a, b])
  }
  return kept.reverse()
}

function sortingNetwork(n: number): (readonly [number, number])[] {
  const comparators: (readonly [number, number])[] = []
  const half = 2 ** (Math.ceil(Math.log2(n)) - 1)
  for (let p = half; p >= 1; p /= 2) {
    for (let q = half, r = 0, d = p; ; d = q - p, q /= 2, r = p) {
      for (let i = 0; i < n - d; i++) if ((i & p) === r) comparators.push([i, i + d])
      if (q === p) break
    }
  }
  return comparators
}
