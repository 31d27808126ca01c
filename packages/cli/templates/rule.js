/**
 * A rule that makes one vector of many. Pure and deterministic: the same inputs give the same bits at every peer, for
 * they compare the models that come of it. It writes `out`, whole, and nothing else.
 *
 * @type {import('@peergrad/core').AggregatorFactory}
 */
export default () => ({
  name: 'my-plugin',
  describe: 'mean of each coordinate without its largest and its smallest value',
  // the condition on the number of vectors: a sentence when it does not hold
  check: (n) => (n >= 3 ? undefined : 'expected at least 3'),

  aggregate({ vectors, out }) {
    for (let i = 0; i < out.length; i++) {
      const values = vectors.map((vector) => vector[i]).sort((a, b) => a - b)
      out[i] = values.slice(1, -1).reduce((sum, value) => sum + value / (values.length - 2), 0)
    }
  }
})
