import { random, type Kernels } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { bits, scalar, simd, withVectors, type Giver } from './kernels-support.js'

const COUNTS = [1, 2, 3, 5, 16, 17, 33]
/** Around what is widened at once, and what is summed at once. */
const LENGTHS = [0, 1, 3, 15, 17, 66, 255, 256, 257, 777]

/** n rows of numbers of many magnitudes, some of them zeros of either sign. */
function rowsOf(n: number, length: number): number[][] {
  const noise = random(n, 'widened', length)
  const value = () => (noise.below(9) === 0 ? -0 : noise.normal() * 10 ** (noise.below(60) - 30))
  return Array.from({ length: n }, () => Array.from({ length }, value))
}

/** Sets that overlap: all, every other, the last one. */
const setsOf = (n: number) =>
  [0, 1, 2].map((set) =>
    Array.from({ length: n }, (_, i) => Number(set === 0 || (set === 1 && i % 2 === 0) || i === n - 1))
  )

describe.each(COUNTS)('of %i inputs', (n) => {
  function bothPaths(work: (kernels: Kernels, give: Giver, x: number[][]) => unknown): void {
    for (const length of LENGTHS) {
      const rows = rowsOf(n, length)
      const [theirs, ours] = [scalar, simd].map((kernels) => withVectors((give) => work(kernels, give, rows)))
      expect([length, ours]).toEqual([length, theirs])
    }
  }

  it('distances of all pairs have the bits of the scalar path, and so have shares of them', () => {
    bothPaths((kernels, give, x) => {
      const inputs = x.map((row) => give.vector(row))
      const whole = kernels.pairDistances(inputs)
      const shares = [0, 1, 2].map((index) => kernels.pairDistances(inputs, { index, of: 3 }))
      expect(whole.map((_, at) => shares.reduce((sum, share) => sum + share[at]!, 0))).toEqual(whole)
      return [...whole]
    })
  })

  it('so have means of several sets', () => {
    bothPaths((kernels, give, x) => {
      const inputs = x.map((row) => give.vector(row))
      const outs = setsOf(n).map(() => give.vector(x[0]!.length))
      kernels.average(outs, inputs, setsOf(n))
      return outs.map(bits)
    })
  })
})
