import type { Vector } from '@peergrad/core'

const BITS = 16
const BUCKETS = 1 << BITS

/**
 * Calls `take` with the index of each of the k coordinates of largest magnitude, ascending; of those that are equal the
 * first ones. Two counting passes over the bits of the magnitudes, for these sort as whole numbers do.
 */
export function largest(vector: Vector, k: number, take: (index: number) => void): void {
  if (k >= vector.length) return vector.forEach((_, index) => take(index))
  const bits = new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
  const magnitude = (index: number) => bits[index] & 0x7fff_ffff
  const upper = boundary(
    countBy(vector.length, (index) => magnitude(index) >>> BITS),
    k
  )
  const lower = boundary(
    countBy(vector.length, (index) =>
      magnitude(index) >>> BITS === upper.bucket ? magnitude(index) & (BUCKETS - 1) : -1
    ),
    k - upper.above
  )
  const least = upper.bucket * BUCKETS + lower.bucket
  let equal = k - upper.above - lower.above
  for (let index = 0; index < vector.length; index++) {
    const size = magnitude(index)
    if (size > least || (size === least && equal-- > 0)) take(index)
  }
}

function countBy(length: number, bucketOf: (index: number) => number): Uint32Array {
  const counts = new Uint32Array(BUCKETS)
  for (let index = 0; index < length; index++) {
    const bucket = bucketOf(index)
    if (bucket >= 0) counts[bucket] += 1
  }
  return counts
}

/** The bucket that the k-th largest is in, and how many are in those above it. */
function boundary(counts: Uint32Array, k: number): { bucket: number; above: number } {
  let above = 0
  for (let bucket = BUCKETS - 1; ; bucket--) {
    if (above + counts[bucket] >= k) return { bucket, above }
    above += counts[bucket]
  }
}
