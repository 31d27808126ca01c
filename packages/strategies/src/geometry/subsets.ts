/** C(n, k). */
export function subsets(n: number, k: number): number {
  let count = 1
  for (let i = 1; i <= k; i++) count = (count * (n - k + i)) / i
  return count
}

/** That there are at most `most` subsets of n − f of n to look at: C(n, f). */
export function fewSubsets(n: number, f: number, most: number): string | undefined {
  const count = subsets(n, f)
  return count > most ? `expected at most ${most} subsets of n − f inputs, C(${n}, ${f}) is ${count}` : undefined
}

/**
 * The subset of `size` of 0 … n − 1 with the least cost, of equals the first in lexicographic order. `grow` says the cost of
 * a subset with one more member: it never falls, so what is no better already is not followed.
 */
export function leastSubset(
  n: number,
  size: number,
  grow: (members: readonly number[], next: number, cost: number) => number
): number[] {
  let best: { cost: number; members: number[] } = { cost: Infinity, members: [] }
  const members: number[] = []
  const follow = (from: number, cost: number): void => {
    if (members.length === size) {
      if (cost < best.cost) best = { cost, members: [...members] }
      return
    }
    for (let next = from; next <= n - (size - members.length); next++) {
      const grown = grow(members, next, cost)
      if (grown >= best.cost) continue
      members.push(next)
      follow(next + 1, grown)
      members.pop()
    }
  }
  follow(0, 0)
  return best.members
}
