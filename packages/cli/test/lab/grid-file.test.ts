import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readAxes, type Settings } from '../../src/lab/axes.js'
import { planCells } from '../../src/lab/cells.js'
import { ofGrid, readGrid } from '../../src/lab/grid-file.js'
import { refusal } from '../fixtures/compared.js'

describe('a grid file', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'peergrad-grid-'))
    path = join(folder, 'mine.yaml')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const planned = async (text: string, flags: Settings = {}) => {
    writeFileSync(path, text)
    const grid = await readGrid(path)
    return ofGrid(grid, flags, () => planCells(readAxes(grid.values, flags), { out: 'runs/x', mode: 'simulation' }))
  }

  test.each([
    ['- mean\n- median\n', 'got ["mean","median"], expected words and values'],
    ['mean\n', 'got "mean", expected words and values'],
    ['byzantine: 1.5\n', 'byzantine: got 1.5, expected'],
    ['lr: -1\n', 'lr: got -1'],
    ['f: [1, 2]\n', 'f: no word of a grid'],
    ['aggregator: meen\n', 'aggregator: got "meen", did you mean'],
    ['aggregator: TrMean\n', 'aggregator: TrMean of ByzFL is trimmed-mean here']
  ])('%j is refused, and named', async (text, message) => {
    const error = await refusal(() => planned(text))
    expect(error.message).toContain(`${path}: ${message}`)
  })

  test('is not named where a flag is wrong, which goes before it', async () => {
    const error = await refusal(() => planned('aggregator: median\n', { aggregators: 'meen' }))
    expect(error.message).toMatch(/^aggregator: got "meen"/)
  })

  test('has the cells that it says', async () => {
    expect(await planned('aggregator: [median, krum]\n')).toHaveLength(4)
  })
})
