import { createKernels, float64Kernels, random, VectorSpan, type Kernels, type Vector } from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { arena } from './kernels-support.js'

/** More than two blocks, and no multiple of four. */
const LENGTH = 17_003
const ROWS = 6

const kernels = createKernels({ memory: arena.memory })
const before = arena.bytesInUse
const taken: Vector[] = []
const open: VectorSpan[] = []

afterEach(() => {
  for (const span of open.splice(0)) span.close()
  for (const vector of taken.splice(0)) arena.free(vector)
  expect(arena.bytesInUse).toBe(before)
})

function drawn(count: number, name: string): Vector[] {
  const noise = random(1, name)
  return Array.from({ length: count }, () => {
    const vector = arena.allocate(LENGTH)
    taken.push(vector)
    for (let i = 0; i < LENGTH; i++) vector[i] = 1 + noise.normal()
    return vector
  })
}

function spanOf(used: Kernels = kernels) {
  const [rows, others] = [drawn(ROWS, 'rows'), drawn(2, 'others')]
  const span = new VectorSpan({ arena, kernels: used, rows, others })
  open.push(span)
  const vectors = [...rows, ...others]
  const dense = (coefficients: ArrayLike<number>) =>
    Float64Array.from({ length: LENGTH }, (_, i) =>
      vectors.reduce((sum, vector, k) => sum + coefficients[k]! * vector[i]!, 0)
    )
  return { span, dense }
}

/** Some of the sums that a rule meets: rows, a candidate, means of both. */
function inputs(span: VectorSpan): Vector[] {
  const rows = Array.from({ length: ROWS }, (_, i) => span.unit(i))
  const candidate = span.zero()
  candidate[ROWS] = -3
  candidate[ROWS + 1] = 1
  const all = [...rows, candidate, candidate]
  const means = [span.zero(), span.zero()]
  span.kernels.average(means, all, [
    [1, 1, 1, 1, 1, 0, 1, 0],
    [0, 0, 1, 1, 1, 1, 1, 1]
  ])
  return [...all, ...means]
}

/** Float64 where vectors are asked for: see `float64Kernels`. */
const doubles = (view: ArrayBufferView) => view as Vector
const near = (a: number, b: number, scale = 1) =>
  expect(Math.abs(a - b)).toBeLessThan(1e-6 * Math.max(scale, Math.abs(b)))

describe('vectors as their coefficients', () => {
  it('have the products and distances of the vectors', () => {
    const { span, dense } = spanOf()
    const all = inputs(span)
    const vectors = all.map((each) => doubles(dense(each)))
    const [pairs, expected] = [span.kernels.pairDistances(all), float64Kernels.pairDistances(vectors)]
    for (const [i, value] of expected.entries()) near(pairs[i]!, value, LENGTH)
    near(span.kernels.dot(all[0]!, all[6]!), float64Kernels.dot(vectors[0]!, vectors[6]!), LENGTH)
    near(span.kernels.squaredNorm(all[8]!), float64Kernels.squaredNorm(vectors[8]!), LENGTH)
  })

  it.each([
    ['median', (k: Pick<Kernels, 'median'>, out: Vector, x: readonly Vector[]) => k.median(out, x)],
    ['trimmed mean', (k: Pick<Kernels, 'trimmedMean'>, out: Vector, x: readonly Vector[]) => k.trimmedMean(out, x, 2)],
    ['Meamed', (k: Pick<Kernels, 'meamed'>, out: Vector, x: readonly Vector[]) => k.meamed(out, x, 2)]
  ])('have the %s of the vectors, as a vector among the others', (_, work) => {
    const { span, dense } = spanOf()
    const all = inputs(span)
    const vectors = all.map((each) => doubles(dense(each)))
    const [out, expected] = [span.zero(), doubles(new Float64Array(LENGTH))]
    work(span.kernels as Kernels, out, all)
    work(float64Kernels as Kernels, expected, vectors)
    for (const [k, vector] of vectors.entries()) {
      near(span.kernels.squaredDistance(out, all[k]!), float64Kernels.squaredDistance(expected, vector), LENGTH)
    }
    const mean = doubles(new Float64Array(LENGTH))
    float64Kernels.mean(mean, vectors.slice(0, ROWS))
    near(span.kernels.squaredDistance(out, span.mean), float64Kernels.squaredDistance(expected, mean), 1)
  })

  it('are made once where they differ by rounding alone, and anew where the results before are gone', () => {
    let made = 0
    const { span } = spanOf({
      ...kernels,
      // called for each of three blocks
      trimmedMean: (out, x, trim) => ((made += 1 / 3), kernels.trimmedMean(out, x, trim))
    })
    const median = (factor: number) => {
      const [a, b] = [span.unit(0), span.unit(1)]
      b[1] = factor
      const out = span.zero()
      span.kernels.median(out, [a, b])
      return span.kernels.squaredDistance(out, span.mean)
    }
    const first = median(2)
    expect(median(2 + 1e-15)).toBe(first)
    expect(made).toBeCloseTo(1)
    for (const factor of [3, 4, 5, 6]) median(factor)
    expect(median(2)).toBe(first)
    expect(made).toBeCloseTo(6)
  })

  it('are sorted without a look at the vectors where most of them are the same', () => {
    const { span } = spanOf({ ...kernels, trimmedMean: () => expect.fail('looked') })
    const out = span.zero()
    span.kernels.trimmedMean(out, [span.unit(0), span.unit(1), span.unit(1), span.unit(1), span.unit(2)], 2)
    expect([...out]).toEqual([...span.unit(1)])
  })

  it('refuse what coefficients do not tell', () => {
    const { span } = spanOf()
    const x = span.unit(0)
    expect(() => span.kernels.maxAbs(x)).toThrow(expect.objectContaining({ code: 'unsupported' }))
    expect(() => span.kernels.fill(x, 1)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })
})
