import { learningRateAt, parseSchedule } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const code = (expected: string) => expect.objectContaining({ code: expected })

describe('learningRateAt', () => {
  it('constant', () => {
    expect([1, 2, 1e6].map((t) => learningRateAt({ name: 'constant' }, t, 0.1))).toEqual([0.1, 0.1, 0.1])
  })

  it('step', () => {
    const schedule = { name: 'step', every: 3, factor: 0.5 } as const
    expect([1, 3, 4, 6, 7, 31].map((t) => learningRateAt(schedule, t, 8))).toEqual([8, 8, 4, 4, 2, 8 * 0.5 ** 10])
  })

  it('cosine agrees with Math.cos and ends at the final fraction', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1500 }), (steps, t) => {
        const x = Math.min(1, (t - 1) / steps)
        const expected = 3 * (0.25 + (0.75 * (1 + Math.cos(Math.PI * x))) / 2)
        expect(Math.abs(learningRateAt({ name: 'cosine', steps, final: 0.25 }, t, 3) - expected)).toBeLessThan(2e-15)
      })
    )
    expect(learningRateAt({ name: 'cosine', steps: 10 }, 1, 0.1)).toBe(0.1)
    expect(learningRateAt({ name: 'cosine', steps: 10 }, 11, 0.1)).toBeLessThan(1e-30)
    expect(learningRateAt({ name: 'cosine', steps: 10, final: 0.5 }, 99, 2)).toBe(1)
  })

  it('warm-up rises to the base, then the schedule starts', () => {
    const schedule = { name: 'step', every: 2, factor: 0.5, warmup: 4 } as const
    expect([1, 2, 3, 4, 5, 6, 7].map((t) => learningRateAt(schedule, t, 4))).toEqual([1, 2, 3, 4, 4, 4, 2])
  })
})

describe('parseSchedule', () => {
  it('reads names, options and defaults', () => {
    expect(parseSchedule('constant')).toEqual({ name: 'constant', warmup: 0 })
    expect(parseSchedule('step:every=30')).toEqual({ name: 'step', every: 30, factor: 0.1, warmup: 0 })
    expect(parseSchedule('cosine:steps=100,final=0.01,warmup=5')).toEqual({
      name: 'cosine',
      steps: 100,
      final: 0.01,
      warmup: 5
    })
  })

  it('refuses the rest with what was expected', () => {
    expect(() => parseSchedule('linear')).toThrow(code('unknown'))
    expect(() => parseSchedule('linear')).toThrow(/got "linear", expected one of constant, step, cosine/)
    expect(() => parseSchedule('constant:every=3')).toThrow(code('unknown'))
    expect(() => parseSchedule('step')).toThrow(/every: got undefined, expected a whole number from 1/)
    for (const bad of [
      'step:every=0',
      'step:every=1.5',
      'step:every=x',
      'step:every=2,factor=2',
      'cosine:steps=5,final=-1',
      'constant:warmup=-1'
    ]) {
      expect(() => parseSchedule(bad)).toThrow(code('argument'))
    }
  })
})
