import type { PreAggregationInput, Vector } from '@peergrad/core'

/** Vectors longer than `most` scaled down to it, in scratch; the others as they are. */
export function clip(
  { vectors, kernels, scratch }: Pick<PreAggregationInput, 'vectors' | 'kernels' | 'scratch'>,
  norms: readonly number[],
  most: number
): Vector[] {
  return vectors.map((x, i) => {
    if (norms[i] <= most) return x
    const { vector } = scratch(x.length)
    kernels.scale(vector, x, most / norms[i])
    return vector
  })
}

/** Euclidean norm of each. */
export function normsOf({ vectors, kernels }: Pick<PreAggregationInput, 'vectors' | 'kernels'>): number[] {
  return Array.from(kernels.squaredNorms(vectors), Math.sqrt)
}
