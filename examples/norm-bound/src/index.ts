import type { AggregatorFactory, Vector } from '@peergrad/core'

/**
 * Mean of the vectors, each cut to the median of their norms, so that one with a huge norm weighs no more than the
 * others (norm clipping, as in Sun et al., "Can You Really Backdoor Federated Learning?", 2019).
 */
const normBound: AggregatorFactory = () => ({
  name: 'norm-bound',
  describe: 'mean of the vectors, each cut to the median of their norms',
  check: (n) => (n >= 1 ? undefined : 'expected at least 1'),

  aggregate({ vectors, out }) {
    const norms = vectors.map(norm)
    const bound = median(norms)
    const weights = norms.map((each) => (each > bound ? bound / each : 1) / vectors.length)
    for (let i = 0; i < out.length; i++) {
      out[i] = vectors.reduce((sum, vector, k) => sum + weights[k]! * vector[i]!, 0)
    }
  }
})

export default normBound

function norm(vector: Vector): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] as number
}
