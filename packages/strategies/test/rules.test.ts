import { parsePlugin, resolvePlugin, type Aggregator } from '@peergrad/core'
import { aggregators, mean, median } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { aggregatorCompliance } from '../../../test/compliance/aggregator.js'
import { aggregate } from './by-rule.js'

const none = () => 0
const minority = (n: number) => Math.ceil(n / 2) - 1

aggregatorCompliance('mean', () => mean({}), {
  exact: false,
  tolerates: none,
  largest: 3.4028234663852886e38,
  counts: { min: 1, max: 9 }
})
aggregatorCompliance('mean:weighted=true', () => mean({ weighted: true }), {
  exact: false,
  tolerates: none,
  largest: 3.4028234663852886e38,
  counts: { min: 1, max: 9 }
})
aggregatorCompliance('median', () => median({}), {
  exact: true,
  tolerates: minority,
  largest: 3.4028234663852886e38,
  counts: { min: 1, max: 9 }
})

describe('mean', () => {
  it('ignores the declared samples unless asked', () => {
    expect(
      aggregate(
        mean({}),
        [
          [0, 8],
          [4, 0]
        ],
        [1, 1000]
      )
    ).toEqual([2, 4])
  })

  it('weighs by samples when asked', () => {
    expect(
      aggregate(
        mean({ weighted: true }),
        [
          [0, 8],
          [4, 0]
        ],
        [3, 1]
      )
    ).toEqual([2, 4].map((_, i) => [4 / 3, 16 / 3][i]!).map(Math.fround))
  })

  it('weighs by samples where most have none, and all alike where nobody has any', () => {
    expect(aggregate(mean({ weighted: true }), [[1], [2], [6]], [0, 0, 64])).toEqual([6])
    expect(aggregate(mean({ weighted: true }), [[1], [2], [6]], [0, 0, 0])).toEqual([3])
  })

  it('lets an inflated count weigh no more than cap × the median count', () => {
    const honest = aggregate(mean({ weighted: true, cap: 3 }), [[0], [0], [1]], [10, 10, 30])
    expect(aggregate(mean({ weighted: true, cap: 3 }), [[0], [0], [1]], [10, 10, 1e12])).toEqual(honest)
    expect(honest[0]).toBeCloseTo(30 / 50, 6)
  })

  it.each([
    ['mean:weigthed=true', 'unknown', /did you mean "weighted"/],
    ['mean:weighted=3', 'argument', /mean\.weighted: got 3, expected true or false/],
    ['mean:weighted=true,cap=0.5', 'argument', /mean\.cap: got 0\.5, expected cap ≥ 1/],
    ['mean:cap=4', 'argument', /without weighted=true/]
  ])('refuses %s', (text, code, message) => {
    expect(() => mean(parsePlugin(text).options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) })
    )
  })
})

describe('median', () => {
  it('takes the middle of an odd number and the mean of the two middle ones of an even number', () => {
    expect(aggregate(median({}), [[3], [1e30], [1]])).toEqual([3])
    expect(aggregate(median({}), [[3], [1e30], [1], [5]])).toEqual([4])
  })

  it('says how many inputs it takes', () => {
    expect(median({}).check(64)).toBeUndefined()
    expect(median({}).check(65)).toBe('expected 1 to 64')
  })

  it('has no options', () => {
    expect(() => median({ f: 1 })).toThrow(expect.objectContaining({ code: 'unknown' }))
  })
})

describe('the registry of aggregators', () => {
  it('names a file and an export that make the rule of that name', async () => {
    for (const [name, { reference, describe }] of aggregators.entries) {
      const module = (await import(reference.module)) as Record<string, (options: object) => Aggregator>
      const rule = module[reference.export]!(reference.options)
      expect([rule.name, rule.describe]).toEqual([name, describe])
    }
  })

  it('resolves names with options and lists the names there are', () => {
    expect(resolvePlugin(aggregators, 'mean:weighted=true').options).toEqual({ weighted: true })
    expect(() => resolvePlugin(aggregators, 'average')).toThrow(/expected one of mean, median, trimmed-mean, /)
  })
})
