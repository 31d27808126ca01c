import { describe, expect, test } from 'vitest'
import { PeergradError } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { planEntries, splitStrategies } from '../../src/compare/entries.js'
import { options, plan, refusal, THREE } from '../fixtures/compared.js'

describe('--strategies', () => {
  test.each([
    ['spirt', ['spirt']],
    ['spirt, all-reduce', ['spirt', 'all-reduce']],
    ['mlless:v=0.5,every=2,spirt', ['mlless:v=0.5,every=2', 'spirt']],
    ['spirt:minibatches=1,spirt:minibatches=2', ['spirt:minibatches=1', 'spirt:minibatches=2']],
    ['./mine.mjs:a=b:c,d=1,local', ['./mine.mjs:a=b:c,d=1', 'local']]
  ])('%s', (list, texts) => {
    expect(splitStrategies(list)).toEqual(texts)
  })

  test.each([
    ['spirt,,local', 'a name at each comma'],
    ['', 'a name at each comma'],
    ['minibatches=2,spirt', 'got "minibatches=2" first'],
    ['spirt,minibatches=2', 'spirt:minibatches=2']
  ])('%s is none', async (list, message) => {
    expect(await refusal(() => splitStrategies(list))).toMatchObject({
      code: 'argument',
      message: expect.stringContaining(message)
    })
  })

  test('without it: every built-in that exchanges', async () => {
    const entries = await planEntries({ options: options(), out: 'runs/x' })
    const names = [...strategies.entries.keys()].filter((name) => name !== 'local')
    expect(entries.map(({ text }) => text)).toEqual(names)
    expect(entries.map(({ directory }) => directory)).toEqual(names.map((name) => `runs/x/${name}`))
  })
})

describe('all read as many samples', () => {
  test('one that takes more minibatches makes fewer rounds, evaluated after as many samples', async () => {
    const [one, four, alone] = await plan('spirt:minibatches=1,spirt:minibatches=4,local', 'x', {
      rounds: 8,
      minibatches: 2,
      'evaluate-every': 4,
      'min-peers': 2,
      'target-accuracy': 0.9
    })
    expect(one!.options).toMatchObject({ rounds: 16, 'evaluate-every': 8, peers: 2, 'min-peers': 2 })
    expect(four!.options).toMatchObject({ rounds: 4, 'evaluate-every': 2 })
    expect(alone!.options).toMatchObject({ rounds: 16, 'evaluate-every': 8, peers: 1, 'min-peers': 0 })
    for (const { options } of [one!, four!, alone!]) expect(options['target-accuracy']).toBe(0)
  })

  test('also where a quotient of whole numbers is none: the 49 minibatches of the paper', async () => {
    const [entry] = await plan('spirt:minibatches=49', 'x', { rounds: 49, minibatches: 1 })
    expect(entry!.options.rounds).toBe(1)
  })

  test('epochs do it by themselves, and no evaluation stays none', async () => {
    const [entry] = await plan('spirt:minibatches=4', 'x', { epochs: 3, 'evaluate-every': 0 })
    expect(entry!.options).toMatchObject({ epochs: 3, rounds: 0, 'evaluate-every': 0 })
  })

  test('--every counts as its steps', async () => {
    const [one, two] = await plan('all-reduce:every=1,all-reduce', 'x', { rounds: 3, minibatches: 1, every: 2 })
    expect([one!.options.rounds, two!.options.rounds]).toEqual([6, 3])
  })

  test.each([
    ['cosine:steps=117,warmup=10', 'cosine:steps=29,warmup=3', 'cosine:steps=468,warmup=40'],
    ['step:every=30,factor=0.5', 'step:every=8,factor=0.5', 'step:every=120,factor=0.5'],
    ['constant:warmup=1', 'constant:warmup=1', 'constant:warmup=4'],
    ['constant', 'constant', 'constant']
  ])('a schedule is of as many samples, whatever the steps: %s', async (schedule, sixteen, alone) => {
    const entries = await plan('spirt,spirt:minibatches=16,diloco,local', 'x', { minibatches: 4, peers: 4, schedule })
    expect(entries.map(({ options }) => options.schedule)).toEqual([schedule, sixteen, schedule, alone])
  })

  test('of a schedule with --every too, which counts as its steps', async () => {
    const flags = { minibatches: 2, every: 5, schedule: 'cosine:steps=100', rounds: 4 }
    const [same, one] = await plan('all-reduce,all-reduce:every=1,minibatches=10', 'x', flags)
    expect(same!.options.schedule).toBe('cosine:steps=100')
    expect(one!.options).toMatchObject({ rounds: 4, schedule: 'cosine:steps=20' })
  })

  test('rounds that do not come out whole are refused', async () => {
    const error = await refusal(() => plan('spirt:minibatches=3', 'x', { rounds: 4, minibatches: 1 }))
    expect(error).toMatchObject({ code: 'argument', message: expect.stringContaining('takes 3 in a round') })
  })
})

describe('what can be seen to be wrong', () => {
  test('a strategy that is none ends all', async () => {
    expect(await refusal(() => plan('spirt,sprit', 'x'))).toMatchObject({ code: 'unknown' })
  })

  test('two of one directory', async () => {
    expect(await refusal(() => plan('spirt,spirt', 'x'))).toMatchObject({ code: 'duplicate' })
  })

  test('a run that cannot be is kept with its reason, when another can', async () => {
    // without exchange there is one peer, too few for this rule
    const [spirt, local] = await plan('spirt,local', 'x', { peers: 3, aggregator: THREE })
    expect(spirt!.parts).not.toBeInstanceOf(PeergradError)
    expect(local!.parts).toMatchObject({ code: 'argument', message: expect.stringContaining('expected three') })
  })

  test('when none can, the reason ends all', async () => {
    expect(await refusal(() => plan('spirt', 'x', { model: 'nlp' }))).toMatchObject({ code: 'unknown' })
  })
})
