import { PeergradError } from '@peergrad/core'
import { attacks } from '@peergrad/strategies'
import { describe, expect, test } from 'vitest'
import { readAxes } from '../../src/lab/axes.js'
import { isPlanned, planCells } from '../../src/lab/cells.js'
import { quickGrid } from '../../src/lab/quick.js'
import { factsOf } from '../../src/lab/row.js'
import { planGrid } from '../fixtures/attacked.js'
import { refusal } from '../fixtures/compared.js'

describe('the cells of a grid', () => {
  test('have each their own name, and directory', async () => {
    const cells = await planGrid({
      aggregator: ['mean', 'trimmed-mean'],
      'pre-aggregator': [[], ['nnm']],
      attack: ['none', 'sign-flip'],
      byzantine: [1, 2],
      batch: [16, 32]
    })
    expect(cells).toHaveLength(32)
    expect(new Set(cells.map(({ directory }) => directory)).size).toBe(32)
    expect(cells.at(-1)).toMatchObject({
      name: 'spirt-minibatches-1_nnm_trimmed-mean_sign-flip_f2_iid_seed1_batch-32',
      directory: 'runs/x/cells/spirt-minibatches-1_nnm_trimmed-mean_sign-flip_f2_iid_seed1_batch-32',
      others: { batch: 32 },
      options: { batch: 32, peers: 5 }
    })
  })

  test('have names that a file system takes, however long their options', async () => {
    const chain = Array.from({ length: 8 }, () => 'clipping:c=1.234567890123')
    const cells = await planGrid({
      aggregator: ['geometric-median:nu=0.1', 'geometric-median:nu=0.2'],
      'pre-aggregator': [chain],
      attack: 'sign-flip'
    })
    expect(new Set(cells.map(({ name }) => name)).size).toBe(2)
    for (const { name } of cells) expect(name.length).toBeLessThanOrEqual(180)
  })

  test('honest peers stay as many, whatever f', async () => {
    const cells = await planGrid({ aggregator: 'mean', attack: 'sign-flip', honest: 4, byzantine: [0, 1, 3] })
    expect(cells.map(({ options }) => options.peers)).toEqual([4, 5, 7])
    expect(cells.filter(isPlanned).map(({ plan }) => plan.attack?.text)).toEqual([undefined, 'sign-flip', 'sign-flip'])
    const [same] = await planGrid({ aggregator: 'mean', attack: 'sign-flip', honest: 4, byzantine: 1, peers: '5' })
    expect(same!.options.peers).toBe(5)
  })

  test('rules are told f where they take it and do not say it', async () => {
    const grid = { 'pre-aggregator': [['nnm', 'bucketing:s=f']], attack: 'sign-flip', byzantine: 2 }
    const aggregator = ['median', 'trimmed-mean', 'trimmed-mean:f=1']
    const texts = (await planGrid({ ...grid, aggregator, declared: [0, 1] })).map(({ options }) => options)
    expect(texts.map((options) => options.aggregator)).toEqual([
      ...['median', 'median'],
      ...['trimmed-mean:f=0', 'trimmed-mean:f=1'],
      ...['trimmed-mean:f=1', 'trimmed-mean:f=1']
    ])
    expect(texts[1]).toMatchObject({ 'pre-aggregator': ['nnm:f=1', 'bucketing:s=1'] })
  })

  test('a declared f that nothing of the chain takes is refused, and the other cells go on', async () => {
    const aggregator = ['mean', 'trimmed-mean', 'trimmed-mean:f=1']
    const cells = await planGrid({ aggregator, attack: 'sign-flip', declared: [1, 2] })
    const reasons = cells.map(({ plan }) => (plan instanceof PeergradError ? plan.message : ''))
    expect(reasons).toEqual([
      ...[1, 2].map((f) => `declared: got ${f}, but mean takes no f; leave declared out for it`),
      ...['', ''],
      ...[1, 2].map(
        (f) =>
          `declared: got ${f}, but trimmed-mean:f=1 says its own f, and nothing else takes one; leave declared out, or f in trimmed-mean:f=1`
      )
    ])
    const [one] = await planGrid({ aggregator: 'mean', 'pre-aggregator': ['nnm'], attack: 'ipm', declared: 2 })
    expect(one!.options['pre-aggregator']).toEqual(['nnm:f=2'])
    expect(await refusal(() => planGrid({ aggregator: 'trimmed-mean:f=1', attack: 'ipm', declared: 2 }))).toMatchObject(
      { code: 'argument', message: expect.stringContaining('says its own f') }
    )
  })

  test('their rows say the f that the rule has, and their names stay', async () => {
    const aggregator = ['mean', 'trimmed-mean', 'trimmed-mean:f=1']
    const cells = await planGrid({ aggregator, attack: 'ipm', byzantine: 2 })
    expect(cells.map((cell) => factsOf(cell).declared)).toEqual([2, 2, 1])
    expect(cells.map(({ name }) => name)).toEqual([
      ...['mean', 'trimmed-mean', 'trimmed-mean-f-1'].map((rule) => `spirt-minibatches-1_${rule}_ipm_f2_iid_seed1`)
    ])
  })

  test('their rows say in which rounds the attack plays, and nothing of it where none does', async () => {
    const cells = await planGrid({ aggregator: 'mean', attack: ['none', 'ipm'], 'attack-schedule': 'start=7' })
    expect(cells.map((cell) => factsOf(cell).attackSchedule)).toEqual([null, 'start=7'])
  })

  test('what cannot be keeps its reason, when another can', async () => {
    const cells = await planGrid({ aggregator: ['mean', 'trimmed-mean'], attack: 'sign-flip', byzantine: [1, 3] })
    const reasons = cells.map(({ plan }) => (plan instanceof PeergradError ? plan.message : ''))
    expect(reasons).toEqual(['', '', '', expect.stringMatching(/trimmed-mean: got 5 peers/)])
  })

  test.each([
    ['argument', 'an honest one', { byzantine: 5 }],
    ['argument', 'no exchange', { strategy: 'local', peers: 1, byzantine: 0 }],
    ['unsupported', 'store: got redis', { store: 'redis' }],
    ['unsupported', 'slow-stream: plays below the mesh', { attack: 'slow-stream' }],
    ['unknown', 'sign-flipp', { attack: 'sign-flipp' }],
    ['unknown', 'meen', { aggregator: 'meen' }],
    ['unknown', 'aggregator: TrMean of ByzFL is trimmed-mean here; write that', { aggregator: 'TrMean' }],
    ['unknown', 'Krum of ByzFL is krum:neighbours=n-f-1 here', { aggregator: 'Krum' }],
    ['unknown', 'pre-aggregator: NNM of ByzFL is nnm here', { 'pre-aggregator': ['NNM'] }],
    ['unknown', 'attack: SignFlipping of ByzFL is sign-flip here', { attack: 'SignFlipping' }],
    ['duplicate', 'twice', { byzantine: [1, 1] }],
    ['argument', 'from the first round', { attack: 'label-flip', 'attack-schedule': 'start=3' }],
    ['argument', 'in which no round is', { 'attack-schedule': 'start=2,stop=1' }],
    ['argument', 'would never play', { 'attack-schedule': 'start=12', rounds: 12 }],
    ['argument', 'have no names', { 'attack-schedule': 'targets=x' }],
    ['argument', 'byzantine', { byzantine: 1.5 }],
    ['argument', 'attack: got {"name":"sign-flip"}, expected a name', { attack: { name: 'sign-flip' } }],
    ['argument', 'attack: got ["none"], expected a name', { attack: [['none']] }],
    ['argument', 'attack-schedule: got {"start":3}, expected rounds', { 'attack-schedule': { start: 3 } }],
    [
      'argument',
      'peers: got 4 beside 3 honest and 2 hostile ones, expected 5',
      { honest: 3, peers: 4, byzantine: [1, 2] }
    ]
  ])('%s: %s', async (code, message, grid) => {
    const error = await refusal(() => planGrid({ aggregator: 'mean', attack: 'sign-flip', ...grid }))
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
  })
})

test('fewest peers are held against those that a cell has', async () => {
  const grid = { aggregator: 'mean', attack: 'sign-flip', byzantine: 1 }
  const [cell] = await planGrid({ ...grid, honest: 9, 'min-peers': 8 })
  expect(cell!.options).toMatchObject({ peers: 10, 'min-peers': 8 })
  expect(await refusal(() => planGrid({ ...grid, honest: 2, 'min-peers': 4 }))).toMatchObject({ code: 'argument' })
})

test('the quick grid has every attack in the numbers, with 1 to 3 hostile peers, and a run without one beside', async () => {
  const axes = readAxes({}, { aggregators: 'median' }, await quickGrid())
  const cells = await planCells(axes, { out: 'runs/x', mode: 'simulation' })
  const runs = cells.filter(isPlanned).map(({ plan, attack, byzantine }) => {
    return { attack, byzantine, level: plan.attack?.attack.level }
  })
  const names = [...new Set(runs.map(({ attack }) => attack))]
  expect(names).toEqual(expect.arrayContaining(['none', 'sign-flip', 'optimal-alie', 'dissensus']))
  expect(runs).toEqual(
    names.flatMap((attack) =>
      [1, 2, 3].map((byzantine) => ({ attack, byzantine, level: attack === 'none' ? undefined : 'gradient' }))
    )
  )
  expect(names.length).toBeGreaterThan([...attacks.entries.keys()].length / 4)
})
