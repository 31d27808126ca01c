import { describe, expect, test } from 'vitest'
import { costOf, elsewhere, lambdaDollars, type Used } from '../../src/compare/cost.js'
import { PRICES } from '../../src/compare/prices.js'
import { publishedFor } from '../../src/compare/published.js'

const used = (more: Partial<Used>): Used => ({
  strategy: 'spirt',
  peers: 4,
  rounds: 10,
  minibatches: 3,
  threads: 1,
  seconds: 3600,
  gigabytes: 2,
  phases: {},
  places: null,
  ...more
})

const price = PRICES.lambdaGigabyteSecond

describe('[CMP24], MobileNet on CIFAR-10', () => {
  const published = publishedFor({ model: 'mobilenet', dataset: 'cifar10' })!

  // SPIRT's row is of many functions of 128 to 3048 MB, whose seconds it does not say
  test.each(['scatter-reduce', 'all-reduce', 'mlless'])('Lambda dollars an epoch of %s within 1 %%', (strategy) => {
    const { secondsPerEpoch, memory, lambdaDollars } = published.rows.find((row) => row.strategy === strategy)!
    const cost = costOf(used({ strategy, seconds: secondsPerEpoch, gigabytes: Number(memory) / 1024 }), PRICES)
    expect(Math.abs(cost.parts.functions! / lambdaDollars - 1)).toBeLessThan(0.01)
  })

  test('a worker of ScatterReduce: 810 s of 4880 MB are 0.0515 $', () => {
    expect(lambdaDollars({ invocations: 1, seconds: 810, gigabytes: 4880 / 1024 }, PRICES)).toBeCloseTo(0.0515, 4)
  })

  test('is of that model and data alone', () => {
    expect(publishedFor({ model: 'mobilenet:width=1', dataset: 'cifar10' })).toBe(published)
    expect(publishedFor({ model: 'mobilenet', dataset: 'mnist' })).toBeNull()
  })
})

describe('by architecture', () => {
  test('SPIRT: stages that work, by where they do; a database each; transitions and messages', () => {
    const places = { compute: 'engine', average: 'database', aggregate: 'peer', wait: 'network' } as Used['places']
    const phases = { compute: 100, average: 16, aggregate: 10, wait: 500 }
    const { parts, dollars } = costOf(used({ phases, places, threads: 2 }), PRICES)
    const requests = 10 * 4 * (3 + 2) * 0.2e-6
    expect(parts.functions).toBeCloseTo((2 * 100 * 2 + 16 / 8 + 10 * 2) * price + requests, 12)
    expect(parts.orchestration).toBeCloseTo(10 * 4 * 11 * 2.5e-5 + 10 * 16 * 4e-7, 12)
    expect(parts.database).toBeCloseTo(4 * 0.17, 12)
    expect(dollars).toBeCloseTo(
      Object.values(parts).reduce((sum, part) => sum + part, 0),
      12
    )
  })

  test('LambdaML: functions from start to end, and the objects of each synchronisation', () => {
    const { parts } = costOf(used({ strategy: 'all-reduce' }), PRICES)
    expect(parts).toEqual({
      functions: expect.closeTo(4 * 3600 * 2 * price + 4 * 0.2e-6, 12),
      storage: expect.closeTo(10 * (5 * 5e-6 + 4 * 5e-6 + 6 * 4e-7), 12)
    })
    expect(costOf(used({ strategy: 'scatter-reduce' }), PRICES).parts.storage).toBeCloseTo(
      10 * (16 * 5e-6 + 8 * 5e-6 + 24 * 4e-7),
      12
    )
  })

  test('MLLess: a supervisor, one Redis and a broker beside the functions', () => {
    const { parts } = costOf(used({ strategy: 'mlless' }), PRICES)
    expect(parts.orchestration).toBeCloseTo(3600 * (1769 / 1024) * price, 12)
    expect(parts.database).toBeCloseTo(0.075, 12)
  })

  test('the GPU baseline: instances, and objects', () => {
    const { parts } = costOf(used({ strategy: 'all-gather' }), PRICES)
    expect(parts.instances).toBeCloseTo(4 * 0.526, 12)
    expect(parts.storage).toBeCloseTo(10 * (4 * 5e-6 + 16 * 4e-7), 12)
  })

  test('another strategy is functions alone', () => {
    const { model, parts } = costOf(used({ strategy: 'my-own' }), PRICES)
    expect(model).toBe('functions alone')
    expect(parts.functions).toBeCloseTo(4 * 3600 * 2 * price + 4 * 0.2e-6, 12)
  })

  test('and the same seconds on the papers’ machines', () => {
    expect(elsewhere(used({}), PRICES)).toEqual({
      lambda: expect.closeTo(4 * 3600 * 2 * price, 12),
      ec2: expect.closeTo(0.68, 12),
      gpu: expect.closeTo(2.104, 12)
    })
  })
})
