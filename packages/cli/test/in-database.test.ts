import type { StoreCapabilities, Strategy } from '@peergrad/core'
import { mean } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { checkInDatabase } from '../src/in-database.js'

const reference = { module: 'x', export: 'x', options: {} }
const server: StoreCapabilities = { denseInStore: true, rules: ['mean', 'median'] }
const spirt = { name: 'spirt' } as Strategy
const rule = mean({}).inStore!
const run = { strategy: spirt, aggregator: reference, ruleInStore: rule }

const check = (capabilities: StoreCapabilities, parts: Parameters<typeof checkInDatabase>[1]) => () =>
  checkInDatabase({ name: 'redis', capabilities }, parts)

describe('--in-database', () => {
  it('takes a server that does all of the round itself', () => {
    expect(check(server, run)).not.toThrow()
    expect(check(server, { ...run, filter: reference, significance: true })).not.toThrow()
  })

  it.each([
    ['a server that only keeps vectors', { ...server, denseInStore: false }, run, '--loadmodule'],
    ['a rule that databases do not know', server, { ...run, ruleInStore: undefined }, 'this aggregator runs'],
    ['a rule that this one does not have', { ...server, rules: ['median'] as const }, run, 'has (median)'],
    ['pre-aggregators', server, { ...run, preAggregators: [reference] }, 'pre-aggregators run'],
    ['a strategy that merges by itself', server, { ...run, strategy: { ...spirt, combines: true } }, 'spirt merges'],
    ['a filter that is no test of significance', server, { ...run, filter: reference }, 'this filter decides']
  ])('refuses %s, with what to do', (_what, capabilities, parts, part) => {
    expect(check(capabilities, parts as typeof run)).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(part) as string })
    )
    expect(check(capabilities, parts as typeof run)).toThrow('leave --in-database out')
  })

  it('takes any rule and filter where the store is the process of the peer', () => {
    expect(check({ ...server, rules: 'any' }, { ...run, preAggregators: [reference], filter: reference })).not.toThrow()
  })
})
