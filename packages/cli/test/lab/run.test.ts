import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cell } from '../../src/lab/cells.js'
import { keptOf } from '../../src/lab/kept.js'
import type { Outcome } from '../../src/lab/outcome.js'
import type { Row } from '../../src/lab/row.js'
import { matrices } from '../../src/lab/matrices.js'
import { runGrid, type RunCell } from '../../src/lab/run.js'
import { outcome, planGrid } from '../fixtures/attacked.js'
import { refusal } from '../fixtures/compared.js'

const GRID = { aggregator: ['mean', 'median'], attack: 'sign-flip', byzantine: 1 }

describe('a grid', () => {
  let out: string
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), 'peergrad-lab-'))
  })
  afterEach(() => rmSync(out, { recursive: true }))

  async function run(
    cell: RunCell,
    { signal = new AbortController().signal, grid = {}, fresh = false, parallel = 1 } = {}
  ) {
    const seen: Row[][] = []
    const cells = await planGrid({ ...GRID, ...grid }, out)
    const onRow = (rows: readonly Row[]) => void seen.push([...rows])
    const kept = fresh ? new Map<Cell, Outcome>() : keptOf(cells, 'simulation')
    const rows = await runGrid({ cells, mode: 'simulation', kept, signal, runners: Array(parallel).fill(cell), onRow })
    return { rows, seen }
  }
  const good: RunCell = async () => outcome([0.5, 0.9])

  test('runs each cell once, and goes on with those that are missing', async () => {
    const ran: string[] = []
    const first = await run(async ({ aggregator }) => {
      ran.push(aggregator)
      if (aggregator === 'median') throw new PeergradError('crashed', 'a fuse blew')
      return outcome([0.5, 0.9])
    })
    expect(first.rows).toMatchObject([
      { status: 'finished', aggregator: 'mean', best: 0.9, level: 'gradient' },
      { status: 'failed', code: 'crashed', reason: 'a fuse blew' }
    ])
    expect(first.seen.map((rows) => rows.map(({ status }) => status))).toEqual([
      ['finished', 'stopped'],
      ['finished', 'failed']
    ])
    const again: RunCell = async (cell) => {
      ran.push(cell.aggregator)
      return outcome([0.7])
    }
    const second = await run(again)
    expect(second.rows).toMatchObject([
      { status: 'finished', best: 0.9 },
      { status: 'finished', best: 0.7 }
    ])
    expect(ran).toEqual(['mean', 'median', 'median'])
    await run(again, { fresh: true })
    expect(ran.slice(3)).toEqual(['mean', 'median'])
  })

  test('stops with the run in hand, which is run anew the next time', async () => {
    const stop = new AbortController()
    const stopping: RunCell = async () => {
      stop.abort(new PeergradError('aborted', 'Ctrl+C'))
      throw stop.signal.reason
    }
    const { rows } = await run(stopping, { signal: stop.signal })
    expect(rows.map(({ status }) => status)).toEqual(['stopped', 'stopped'])
    expect((await run(good)).rows.map(({ status }) => status)).toEqual(['finished', 'finished'])
  })

  test('as many cells run at once as there are runners, and their rows stay in order', async () => {
    const begun: string[] = []
    let second = () => {}
    const both = new Promise<void>((resolve) => (second = resolve))
    const cell: RunCell = async ({ aggregator }) => {
      begun.push(aggregator)
      if (begun.length === 2) second()
      await both
      // the second of them ends first
      if (aggregator === 'mean') await new Promise((resolve) => setImmediate(resolve))
      return outcome([0.5])
    }
    const { rows, seen } = await run(cell, { parallel: 2 })
    expect(seen[0]!.map(({ status }) => status)).toEqual(['stopped', 'finished'])
    expect(rows.map(({ aggregator }) => aggregator)).toEqual(['mean', 'median'])
  })

  test('a report of before the end has no worst where an attack is missing', async () => {
    const { seen } = await run(good, { grid: { aggregator: 'median', attack: ['sign-flip', 'alie'] } })
    expect(seen.map((rows) => matrices(rows)[0]!.rows)).toEqual([[['median', '–']], [['median', '90.00 %']]])
  })

  test('a cell that cannot be is a row, and is not run', async () => {
    const { rows } = await run(good, { grid: { aggregator: ['mean', 'trimmed-mean'], byzantine: 3 } })
    expect(rows.map(({ status }) => status)).toEqual(['finished', 'refused'])
  })

  test('a directory that holds another run is refused with what differs', async () => {
    await run(good)
    expect(await refusal(() => run(good, { grid: { rounds: 13 } }))).toMatchObject({
      code: 'argument',
      message: expect.stringMatching(/^rounds: got 13, but the run in .* has 12/)
    })
  })

  test.each(['mine.mjs', 'helper.mjs'])('so is one of a rule of which %s was another', async (changed) => {
    const aggregator = join(out, 'mine.mjs')
    const code = {
      'mine.mjs': `import './helper.mjs'\nexport default () => ({ name: 'mine', describe: 'one', check() {}, aggregate() {} })`,
      'helper.mjs': `import './mine.mjs'`
    }
    for (const [name, text] of Object.entries(code)) writeFileSync(join(out, name), text)
    const write = (what: string) =>
      writeFileSync(join(out, changed), `${code[changed as keyof typeof code]} // ${what}`)
    write('one')
    await run(good, { grid: { aggregator } })
    expect((await run(good, { grid: { aggregator } })).rows).toMatchObject([{ status: 'finished' }])
    write('two')
    const message = expect.stringMatching(/^modules: got .*mine\.mjs/) as string
    expect(await refusal(() => run(good, { grid: { aggregator } }))).toMatchObject({ code: 'argument', message })
  })

  test('so is one of another engine, where it says its own', async () => {
    await run(good)
    const other = { engine: 'cpu' }
    const message = expect.stringContaining('engine: got "cpu"') as string
    expect(await refusal(() => run(good, { grid: other }))).toMatchObject({ code: 'argument', message })
    for (const { directory } of await planGrid(GRID, out)) {
      const file = join(directory, 'cell.json')
      const { cell, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { cell: Record<string, unknown> }
      const { engine: _engine, store: _store, ...older } = cell
      writeFileSync(file, JSON.stringify({ cell: older, ...rest }))
    }
    expect((await run(good, { grid: other })).rows).toMatchObject([{ best: 0.9 }, { best: 0.9 }])
  })
})
