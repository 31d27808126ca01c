import { loadPlugin, random, resolvePlugin, type Aggregator } from '@peergrad/core'
import { aggregators } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { aggregatorCompliance } from '../../../test/compliance/aggregator.js'
import { clip, krum, meamed, trimmed } from '../../store/test/module-reference.js'
import { aggregate, vector } from './by-rule.js'

type Properties = Parameters<typeof aggregatorCompliance>[2]

const LARGEST = 3.4028234663852886e38

/** Published bounds (Allouah et al., AISTATS 2023, proposition 1) of κ, as a function of f / (n − 2f). */
const kappa = (f: number, of: (share: number) => number) => ({
  bounded: (n: number) => ({ hostile: f, factor: Math.sqrt(of(f / (n - 2 * f))) })
})
/** A far one is never taken in: within some spreads of the honest, which no average of all is. */
const apart = (f: number) => ({ bounded: (n: number) => ({ hostile: f, factor: 4 * Math.sqrt(n - f) }) })

const RULES: Readonly<Record<string, Properties>> = {
  'trimmed-mean:f=2': { exact: true, tolerates: () => 2, ...kappa(2, (share) => 6 * share * (1 + share)) },
  'meamed:f=2': { exact: true, ...apart(2) },
  'geometric-median:nu=1e-35': { ...kappa(2, (share) => 2 * 4 * (1 + share) ** 2), counts: { min: 5, max: 9 } },
  'krum:f=2': { order: 'ties', ...kappa(2, (share) => 6 * (1 + share)) },
  'krum:f=2,neighbours=n-f-1,power=4': { order: 'ties', ...apart(2) },
  'multi-krum:f=2': { order: 'ties', ...apart(2) },
  // its last scores look at one neighbour, and two are each other's nearest
  'bulyan:f=1': { order: 'always', ...apart(1) },
  'centered-clipping': {},
  // subsets with the same two farthest members have one diameter
  'mda:f=2': { order: 'always', ...apart(2) },
  'monna:f=2': { order: 'always' },
  'caf:f=2': { order: 'ties', ...apart(2) },
  'smea:f=2': { order: 'ties', ...apart(2) },
  'faba:f=2': { order: 'ties', ...apart(2) },
  'dnc:f=2': { order: 'ties', ...apart(2) },
  'sign-majority': { exact: true, identity: false },
  'zeno:f=2': { order: 'ties' }
}

const made = new Map<string, Aggregator>()
for (const text of Object.keys(RULES)) made.set(text, await loadPlugin('aggregator', resolvePlugin(aggregators, text)))

for (const [text, properties] of Object.entries(RULES)) {
  aggregatorCompliance(text, () => made.get(text)!, { largest: LARGEST, ...properties })
}

it('every built-in rule but mean and median is held to the laws here', () => {
  const names = [...aggregators.entries.keys()].filter((name) => !['mean', 'median'].includes(name))
  expect(new Set(Object.keys(RULES).map((text) => text.split(':')[0]))).toEqual(new Set(names))
})

const rule = (text: string) => loadPlugin('aggregator', resolvePlugin(aggregators, text))
const near = (row: number[]) => row.map((value) => expect.closeTo(value, 5) as number)

describe('a condition on the number of inputs', () => {
  it.each([
    ['trimmed-mean:f=2', 5, 64],
    ['meamed:f=2', 5, 64],
    ['geometric-median', 1, 64],
    ['geometric-median:from=zero', 1, Infinity],
    ['krum:f=2', 7, Infinity],
    ['krum:f=2,neighbours=n-f-1', 5, Infinity],
    ['krum:f=1,neighbours=n-f-1', 3, Infinity],
    ['multi-krum:f=1,m=6', 6, Infinity],
    ['bulyan:f=2', 11, 64],
    ['mda:f=2', 5, 131],
    ['monna:f=1,trusted=4', 5, Infinity],
    ['smea:f=1', 3, 64],
    ['smea:f=3', 7, 32],
    ['caf:f=2', 5, 64],
    ['dnc:f=2,iterations=3', 7, 64],
    ['faba:f=2', 5, Infinity],
    ['zeno:f=2', 3, 64]
  ])('of %s: %i to %d', async (text, least, most) => {
    const { check } = await rule(text)
    expect(check(least)).toBeUndefined()
    expect(check(least - 1)).toMatch(/expected/)
    if (most === Infinity) return
    expect(check(most)).toBeUndefined()
    expect(check(most + 1)).toMatch(/expected at most/)
  })
})

describe('cases', () => {
  const line = [[0], [1], [2], [10], [100]] // prettier-ignore

  it.each([
    ['trimmed-mean:f=1', [13 / 3]],
    ['meamed:f=2', [1]],
    ['krum:f=1', [1]],
    ['multi-krum:f=1', [13 / 4]],
    ['multi-krum:f=1,m=2', [0.5]],
    ['mda:f=2', [1]],
    ['monna:f=2', [1]],
    ['monna:f=2,trusted=3', [13 / 3]],
    ['faba:f=2', [1]],
    ['smea:f=2', [1]],
    ['dnc:f=1', [13 / 4]],
    ['sign-majority', [1]],
    ['centered-clipping:tau=1', [2 + (-1 - 1 + 0 + 1 + 1) / 5]],
    ['centered-clipping:tau=1,from=zero', [4 / 5]]
  ])('%s of 0, 1, 2, 10, 100', async (text, expected) => {
    expect(aggregate(await rule(text), line)).toEqual(near(expected))
  })

  // by exact whole numbers: what each choice of others and power makes of the same inputs
  it.each([
    ['n-f-2', 1, 34],
    ['n-f-2', 2, 4],
    ['n-f-2', 4, 4],
    ['n-f-1', 1, 33],
    ['n-f-1', 2, 14],
    ['n-f-1', 4, 16]
  ])('Krum as read with neighbours=%s,power=%i', async (neighbours, power, expected) => {
    const rows = [[34], [39], [33], [14], [16], [1], [4]]
    const text = `krum:f=2,neighbours=${neighbours},power=${power}`
    expect(aggregate(await rule(text), rows)).toEqual([expected])
  })

  it('the geometric median comes to rest where distances add up to least', async () => {
    const corners = [[0, 0], [4, 0], [0, 3], [1, 1], [1e6, 1e6]] // prettier-ignore
    const sum = ([x, y]: number[]) => corners.reduce((total, [a, b]) => total + Math.hypot(a! - x!, b! - y!), 0)
    const found = aggregate(await rule('geometric-median:iterations=1000,tolerance=0'), corners)
    const noise = random(1, 'geometric-median')
    for (let i = 0; i < 50; i++) {
      const other = found.map((value) => value + 0.1 * noise.normal())
      expect(sum(other)).toBeGreaterThanOrEqual(sum(found) - 1e-6)
    }
    expect(aggregate(await rule('geometric-median'), corners)).toEqual(found.map((x) => expect.closeTo(x, 1) as number))
  })

  it('bulyan trims each coordinate of what Krum selects', async () => {
    const rows = [[1, 5], [2, 1], [3, 2], [4, 3], [5, 4], [6, 6], [900, 3]] // prettier-ignore
    const [first, second] = aggregate(await rule('bulyan:f=1'), rows)
    expect(first).toBeGreaterThanOrEqual(2)
    expect(first).toBeLessThanOrEqual(5)
    expect(second).toBeLessThan(6)
  })

  it('caf ends where one input is far, and takes it out', async () => {
    const rows = [[0, 0], [1, 0], [0, 1], [1, 1], [1e30, 0]] // prettier-ignore
    for (const value of aggregate(await rule('caf:f=1'), rows)) expect(Math.abs(value - 0.5)).toBeLessThanOrEqual(0.5)
  })

  it('the geometric median of large inputs is finite with the least nu', async () => {
    expect(aggregate(await rule('geometric-median:nu=1e-250'), [[1e38], [1e38], [1e38]])).toEqual([Math.fround(1e38)])
  })

  it('centered clipping lets one input move the result by tau / n at most', async () => {
    const honest = [[0, 0], [1, 0], [0, 1], [1, 1]] // prettier-ignore
    const clipping = await rule('centered-clipping:tau=0.1,iterations=1')
    const far = (x: number) => aggregate(clipping, [...honest, [x, 1e30]])
    expect(Math.hypot(far(1e30)[0]! - far(-1e30)[0]!)).toBeLessThanOrEqual(1 + 2 * (0.1 / 5))
  })

  it('dnc looks at all the coordinates that it draws, and at no others', async () => {
    const length = 40_000
    const rows = Array.from({ length: 5 }, (_, k) => Float32Array.from({ length }, (_, i) => Math.sin(i * (k + 1))))
    const found = async (from: number, to: number, dimensions: number) => {
      const inputs = rows.map((row, k) => row.map((x, i) => (k === 4 && i >= from && i < to ? x + 1e4 : x)))
      const dnc = await rule(`dnc:f=1,dimensions=${dimensions}`)
      return aggregate(dnc, inputs as unknown as number[][])[39_000]! < 1e3
    }
    // of three blocks of coordinates a hostile vector is far in the last one only
    expect(await found(39_000, 39_001, length - 1)).toBe(true)
    expect(await found(39_000, 39_001, 1)).toBe(false)
  })

  it('zeno takes the least losses, of equal ones the shortest, and a loss that is none comes last', async () => {
    const zeno = await rule('zeno:f=1')
    const rows = [[1], [2], [40]] // prettier-ignore
    const of = (losses: number[], stepSize = 0.1) => aggregate(zeno, rows, undefined, { losses, stepSize })
    expect(of([3, 1, 2])).toEqual([21])
    expect(of([1, 1, 1])).toEqual([1.5])
    expect(of([Infinity, 1, Infinity])).toEqual([1.5])
    // ρ = γ / 200: 1,600·ρ is what the last one's length costs
    expect(of([0.5, 2, 1], 0.02)).toEqual([20.5])
    expect(of([0.5, 2, 1], 2)).toEqual([1.5])
    expect(() => of([1, 2])).toThrow(/zeno: got 2 losses, expected one after a step along each of 3 inputs/)
  })

  it.each([
    ['krum:power=3', 'argument', /krum\.power: got 3, expected 1, 2 or 4/],
    ['krum:neighbours=n', 'unknown', /krum\.neighbours: got "n", expected one of n-f-2, n-f-1/],
    ['trimmed-mean:f=-1', 'argument', /trimmed-mean\.f: got -1/],
    ['geometric-median:nu=0', 'argument', /expected 1e-250 ≤ nu ≤ 1e\+250/],
    ['centered-clipping:from=last', 'unknown', /expected one of median, zero/],
    ['dnc:iterations=63,dimensions=1000000', 'argument', /expected at most 1000000 coordinates/],
    ['mda:g=1', 'unknown', /got the option "g"/]
  ])('%s is refused', async (text, code, message) => {
    await expect(rule(text)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })
})

/** The module's tests hold it to the same words. */
describe('what databases have of it', () => {
  const rows = Array.from({ length: 9 }, (_, k) => {
    const noise = random(k, 'in store')
    return Array.from({ length: 40 }, (_, i) => (i % 5 === 0 ? Math.round(3 * noise.normal()) : noise.normal()))
  })
  const inputs = rows.map(vector)
  const clipped = (from: string, median: number): [string, Record<string, number>, Float32Array] => {
    const numbers = { tau: 4, iterations: 3, median }
    return [`centered-clipping:tau=4,iterations=3,from=${from}`, numbers, clip(inputs, numbers)]
  }

  it.each<[text: string, numbers: Record<string, number>, expected: Float32Array]>([
    ['trimmed-mean:f=2', { f: 2 }, trimmed(inputs, 2)],
    ['meamed:f=3', { f: 3 }, meamed(inputs, 3)],
    ['krum:f=2', { f: 2 }, krum(inputs, 2, 1)],
    ['multi-krum:f=2', { f: 2, m: 7 }, krum(inputs, 2, 7)],
    ['multi-krum:f=1,m=3', { f: 1, m: 3 }, krum(inputs, 1, 3)],
    clipped('median', 1),
    clipped('zero', 0)
  ])('%s is called with %j and has the same bits', async (text, numbers, expected) => {
    const { name, inStore } = await rule(text)
    expect(inStore?.name).toBe(name)
    expect(inStore?.parameters?.(rows.length)).toEqual(numbers)
    expect(aggregate(await rule(text), rows)).toEqual([...expected])
  })

  it('another reading of Krum is none of theirs', async () => {
    expect((await rule('krum:neighbours=n-f-1')).inStore).toBeUndefined()
    expect((await rule('multi-krum:power=1')).inStore).toBeUndefined()
  })
})
