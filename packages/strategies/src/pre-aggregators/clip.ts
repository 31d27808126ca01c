import type { PreAggregationInput, RuleKernels, Vector } from '@peergrad/core'

/** Vectors longer than `most` scaled down to it, in scratch; the others as they are. */
export function clip(
  { vectors, kernels, scratch }: Pick<PreAggregationInput, 'vectors' | 'kernels' | 'scratch'>,
  norms: readonly number[],
  most: number
): Vector[] {
  return vectors.map((x, i) => {
    if (norms[i] <= most) return x
    const { vector } = scratch(x.length)
    scaleDown(kernels, vector, x, most / norms[i])
    return vector
  })
}

/** A subnormal float32 has few bits, so a factor that is one is applied in two. */
function scaleDown(kernels: RuleKernels, out: Vector, x: Vector, factor: number): void {
  if (factor >= 2 ** -126) return kernels.scale(out, x, factor)
  kernels.scale(out, x, 2 ** -100)
  kernels.scale(out, out, factor * 2 ** 100)
}

/** Euclidean norm of each. */
export function normsOf({ vectors, kernels }: Pick<PreAggregationInput, 'vectors' | 'kernels'>): number[] {
  return Array.from(kernels.squaredNorms(vectors), Math.sqrt)
}
