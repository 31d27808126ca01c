import { describe, expect, test } from 'vitest'
import { cellsOf, readAxes } from '../../src/lab/axes.js'
import { refusal } from '../fixtures/compared.js'

const valuesOf = (word: string, ...given: Parameters<typeof readAxes>) =>
  readAxes(...given).find((axis) => axis.word === word)?.values

describe('the axes of a grid', () => {
  test('a list is one, whatever the word', () => {
    expect(valuesOf('byzantine', { byzantine: [1, 2] }, {})).toEqual([1, 2])
    expect(valuesOf('batch', { batch: [25, 50] }, {})).toEqual([25, 50])
    expect(valuesOf('lr', { lr: 0.1 }, {})).toEqual([0.1])
  })

  test('a chain of pre-aggregators is a list itself', () => {
    expect(valuesOf('pre-aggregator', { 'pre-aggregator': ['clipping:c=2', 'nnm'] }, {})).toEqual([
      ['clipping:c=2', 'nnm']
    ])
    expect(valuesOf('pre-aggregator', { 'pre-aggregator': [[], ['nnm']] }, {})).toEqual([[], ['nnm']])
    expect(valuesOf('pre-aggregator', {}, {})).toEqual([[]])
  })

  test.each([
    ['none', [[]]],
    ['nnm', [['nnm']]],
    ['clipping:c=2+nnm', [['clipping:c=2', 'nnm']]],
    ['clipping:c=1e+5', [['clipping:c=1e+5']]],
    [
      ['none', 'nnm'],
      [[], ['nnm']]
    ],
    [
      ['none', ['clipping:c=2', 'nnm']],
      [[], ['clipping:c=2', 'nnm']]
    ],
    [
      ['clipping:c=2+nnm', 'arc'],
      [['clipping:c=2', 'nnm'], ['arc']]
    ],
    [
      [['none'], ['nnm']],
      [[], ['nnm']]
    ]
  ])('what flags call a chain is one in a file: %j', (said, chains) => {
    expect(valuesOf('pre-aggregator', { 'pre-aggregator': said }, {})).toEqual(chains)
  })

  test('flags take lists, go before the file, and that before a preset', () => {
    const file = { attack: 'alie', byzantine: 3, rounds: 800 }
    const flags = { attacks: 'sign-flip,ipm:tau=0.1', 'pre-aggregators': 'none,clipping:c=2+nnm', rounds: '10' }
    const axes = [file, flags, { byzantine: 1, batch: 20 }] as const
    expect(valuesOf('attack', ...axes)).toEqual(['sign-flip', 'ipm:tau=0.1'])
    expect(valuesOf('pre-aggregator', ...axes)).toEqual([[], ['clipping:c=2', 'nnm']])
    expect(valuesOf('rounds', ...axes)).toEqual(['10'])
    expect(valuesOf('byzantine', ...axes)).toEqual([3])
    expect(valuesOf('batch', ...axes)).toEqual([20])
  })

  test('who says how many are honest does not get the peers of a preset', () => {
    expect(valuesOf('peers', {}, { honest: '3' }, { peers: 8 })).toBeUndefined()
    expect(valuesOf('peers', {}, {}, { peers: 8 })).toEqual([8])
  })

  test('every combination is a cell', () => {
    const cells = cellsOf([
      { word: 'aggregator', values: ['mean', 'median'] },
      { word: 'seed', values: [1] },
      { word: 'byzantine', values: [1, 2] }
    ])
    expect(cells).toEqual(
      [
        ['mean', 1],
        ['mean', 2],
        ['median', 1],
        ['median', 2]
      ].map(([aggregator, byzantine]) => ({ aggregator, seed: 1, byzantine }))
    )
  })

  test.each([
    ['unknown', { agregator: 'mean' }, 'did you mean "aggregator"?'],
    ['unknown', { port: 4001 }, 'no such word of a grid'],
    ['unknown', { 'target-accuracy': 0.9 }, 'whose cells run all their rounds; leave it out'],
    ['argument', { byzantine: [] }, 'got an empty list'],
    ['argument', { byzantine: [1, NaN] }, 'byzantine: got NaN, expected a finite value'],
    ['argument', { lr: Infinity }, 'lr: got Infinity, expected a finite value'],
    ['unknown', { f: [1, 2] }, 'what ByzFL calls f is byzantine here']
  ])('%s: %o', async (code, file, message) => {
    const error = await refusal(() => readAxes(file, {}))
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) })
  })

  test.each([
    [{ byzantine: '' }, 'byzantine: got "", expected a number at each comma'],
    [{ declared: '1,,2' }, 'declared: got "1,,2", expected a number at each comma'],
    [{ seeds: '1,' }, 'seeds: got "1,", expected a number at each comma'],
    [{ attacks: '' }, 'attacks: got "", expected a name at each comma']
  ])('flags %o', async (flags, message) => {
    expect(await refusal(() => readAxes({}, flags))).toMatchObject({ code: 'argument', message })
  })
})
