/** Indices by their value, lowest first; of equals the lower index first. */
export function ascending(values: ArrayLike<number>): number[] {
  return Array.from(values, (_, index) => index).sort((a, b) => values[a] - values[b] || a - b)
}

/** Index of the largest value among `indices`, of equals the first. */
export function farthest(values: ArrayLike<number>, indices: readonly number[]): number {
  return indices.reduce((best, index) => (values[index] > values[best] ? index : best))
}

/** 1 for each member, 0 for the others of n: what `kernels.average` makes a mean of. */
export function membership(members: readonly number[], n: number): number[] {
  const weights = Array<number>(n).fill(0)
  for (const index of members) weights[index] = 1
  return weights
}
