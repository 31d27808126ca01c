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
    ['unknown', { agregator: 'mean' }],
    ['unknown', { port: 4001 }],
    ['unknown', { 'target-accuracy': 0.9 }],
    ['argument', { byzantine: [] }],
    ['argument', ['mean']]
  ])('%s: %o', async (code, file) => {
    expect(await refusal(() => readAxes(file, {}))).toMatchObject({ code })
  })
})
