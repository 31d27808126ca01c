// trimmed.mjs: drop the largest and the smallest value of each coordinate
export default () => ({
  name: 'trimmed',
  describe: 'mean without the extremes',
  check: (n) => (n >= 3 ? undefined : 'expected at least 3'),
  aggregate({ vectors, out }) {
    for (let i = 0; i < out.length; i++) {
      const values = vectors.map((vector) => vector[i]).sort((a, b) => a - b)
      out[i] = values.slice(1, -1).reduce((sum, value) => sum + value, 0) / (values.length - 2)
    }
  }
})
