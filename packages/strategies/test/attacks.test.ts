import fc from 'fast-check'
import {
  loadPlugin,
  random,
  resolvePlugin,
  type Attack,
  type CraftInput,
  type DataAttack,
  type Dataset,
  type GradientAttack
} from '@peergrad/core'
import { attacks } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { inMemory } from './in-memory.js'

const load = (text: string): Promise<Attack> => loadPlugin('attack', resolvePlugin(attacks, text))

async function craft(text: string, rows: number[][], more: Partial<CraftInput> = {}): Promise<number[]> {
  const honest = rows.map((row) => Float64Array.from(row))
  const out = new Float64Array(honest[0]!.length)
  const common = { random: random(7), round: 3, n: rows.length + 1, f: 1 }
  await ((await load(text)) as GradientAttack).craft({ own: honest[0]!, honest, out, ...common, ...more })
  return [...out]
}

const squared = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)

const matrices = fc.tuple(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 1, max: 6 })).chain(([n, d]) => {
  const row = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: d, maxLength: d })
  return fc.array(row, { minLength: n, maxLength: n })
})

describe.each([...attacks.entries.keys()])('%s', (name) => {
  it('says what it is, what must hold, and refuses an option that it has not', async () => {
    const attack = await load(name)
    expect(attack.name).toBe(name)
    for (const sentence of [attack.describe, attack.holds]) expect(sentence).toMatch(/^\S.{10,190}[^.]$/)
    await expect(load(`${name}:nonsense=1`)).rejects.toMatchObject({ code: 'unknown' })
  })
})

describe('what is crafted', () => {
  const rows = [
    [1, 2],
    [3, 6]
  ]

  it.each([
    ['sign-flip', [-2, -4]],
    ['sign-flip:of=own,factor=10', [-10, -20]],
    ['ipm:tau=0.5', [-1, -2]],
    ['alie:tau=2', [2 + 2 * Math.SQRT2, 4 + 4 * Math.SQRT2]],
    ['mimic:epsilon=1', [3, 6]],
    ['zero', [0, 0]],
    ['scaling', [3, 6]],
    ['scaling:factor=-2', [-2, -4]],
    ['dissensus:epsilon=1', [1 - 2 * 1, 2 - 2 * 2]]
  ])('%s', async (text, expected) => {
    const out = await craft(text, rows)
    for (const [i, value] of expected.entries()) expect(out[i]).toBeCloseTo(value, 12)
  })

  it('alie:tau=auto goes far where the hostile are a majority', async () => {
    const [there] = await craft('alie:tau=auto', [[0], [Math.SQRT2]], { n: 5, f: 3 })
    expect(Math.abs(there! - Math.SQRT2 / 2)).toBeGreaterThan(5)
  })

  it('alie:tau=auto is the shift that the majority argument allows', async () => {
    // 24 of 50 hostile, the authors' example: s = 2, Φ⁻¹(24/26) = 1.426
    const out = await craft('alie:tau=auto', [[0], [Math.SQRT2]], { n: 50, f: 24 })
    expect(out[0]! - Math.SQRT1_2).toBeCloseTo(1.4261, 4)
  })

  it('a free rider gives nothing at first, then the last update with a little noise', async () => {
    expect(await craft('free-rider', rows)).toEqual([0, 0])
    const [x, y] = await craft('free-rider', rows, { last: Float64Array.of(5, -5) })
    expect(Math.abs(x! - 5) + Math.abs(y! + 5)).toBeLessThan(0.5)
  })

  it('noise is the same at all accomplices, and another one for another seed', async () => {
    const noise = (seed: number) => craft('gaussian', rows, { random: random(seed) })
    expect(await noise(1)).toEqual(await noise(1))
    expect(await noise(1)).not.toEqual(await noise(2))
  })

  it('the float32 of a run is the float64 of another library, rounded', async () => {
    const attack = (await load('min-sum')) as GradientAttack
    const honest = rows.map((row) => Float32Array.from(row))
    const out = new Float32Array(2)
    await attack.craft({ own: honest[0]!, honest, out, random: random(7), round: 3, n: 3, f: 1 })
    expect([...out]).toEqual([...Float32Array.from(await craft('min-sum', rows))])
  })

  it.each(['deviation', 'unit', 'sign'])(
    'min-max and min-sum go as far as they can unnoticed (%s)',
    async (direction) => {
      await fc.assert(
        fc.asyncProperty(matrices, async (honest) => {
          const pairs = honest.flatMap((a) => honest.map((b) => squared(a, b)))
          const sums = honest.map((a) => honest.reduce((sum, b) => sum + squared(a, b), 0))
          const max = await craft(`min-max:direction=${direction}`, honest)
          const sum = await craft(`min-sum:direction=${direction}`, honest)
          const far = Math.max(...honest.map((row) => squared(max, row)))
          const spread = honest.reduce((total, row) => total + squared(sum, row), 0)
          expect(far).toBeLessThanOrEqual(Math.max(...pairs) * (1 + 1e-9) + 1e-9)
          expect(spread).toBeLessThanOrEqual(Math.max(...sums) * (1 + 1e-9) + 1e-9)
        })
      )
    }
  )

  it('mimic copies the last honest peer that is in time where the chosen one is late', async () => {
    expect(await craft('mimic:epsilon=2', rows, { n: 4, f: 1 })).toEqual([3, 6])
  })

  it('what cannot be is said', async () => {
    await expect(craft('mimic:epsilon=2', rows)).rejects.toMatchObject({ code: 'argument' })
    await expect(craft('optimal-ipm', rows)).rejects.toMatchObject({ code: 'missing' })
    await expect(load('sign-flip:of=nobody')).rejects.toMatchObject({ code: 'unknown' })
  })
})

/** Samples of two bytes each, of three classes. */
function dataset(): Dataset {
  const count = 300
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  const features = new Uint8Array(new SharedArrayBuffer(4 * count))
  for (let i = 0; i < count; i++) labels[i] = (i * 7) % 3
  for (let i = 0; i < features.length; i++) features[i] = (i * 31) % 200
  const split = { count, features, labels }
  const none = { crop: 0, flip: false }
  const normalise = { scale: 1, mean: [0], deviation: [1] }
  return { name: 'three', shape: [2, 2, 1], classes: 3, normalise, augment: none, train: split, test: split }
}

describe('data that are poisoned', () => {
  const poison = async (text: string) => {
    const clean = dataset()
    return { clean, dirty: ((await load(text)) as DataAttack).corrupt(clean, random(3)) }
  }

  it.each(['label-flip', 'random-labels', 'sorted-labels', 'backdoor', 'feature-noise'])(
    '%s leaves the data it was given, and the test split, as they are',
    async (text) => {
      const { clean, dirty } = await poison(text)
      expect(clean).toEqual(dataset())
      expect(dirty.test).toBe(clean.test)
      expect(dirty.train).not.toEqual(clean.train)
      expect(Math.max(...dirty.train.labels)).toBeLessThan(3)
    }
  )

  it('labels are turned around, or those of a share', async () => {
    const { clean, dirty } = await poison('label-flip')
    expect([...dirty.train.labels]).toEqual([...clean.train.labels].map((label) => 2 - label))
    const { dirty: half } = await poison('label-flip:share=0.5')
    const changed = half.train.labels.filter((label, i) => label !== clean.train.labels[i]).length
    expect(changed).toBeGreaterThan(60)
    expect(changed).toBeLessThan(140)
  })

  it('sorted labels are the same labels', async () => {
    const { clean, dirty } = await poison('sorted-labels')
    expect([...dirty.train.labels]).toEqual([...clean.train.labels].sort())
  })

  it('a backdoor is a patch and a label', async () => {
    const { clean, dirty } = await poison('backdoor:target=1,share=1,size=1')
    expect(new Set(dirty.train.labels)).toEqual(new Set([1]))
    const before = inMemory(clean.train)
    for (const [i, value] of inMemory(dirty.train).entries()) {
      expect(value).toBe(i % 4 === 3 ? 255 : before[i])
    }
    await expect(poison('backdoor:target=3')).rejects.toMatchObject({ code: 'argument' })
  })
})
