import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { compareAll } from '../../src/compare/compare.js'
import type { Compared } from '../../src/compare/comparison.js'
import type { Entry } from '../../src/compare/entries.js'
import { isKept, removeRun } from '../../src/compare/kept.js'
import type { RunResult } from '../../src/outcome.js'
import { peerOutcome, plan, refusal, result, THREE, writeRun } from '../fixtures/compared.js'

let out: string
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'peergrad-compare-'))
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(out, { recursive: true, force: true })
})

interface RunInit {
  readonly kept?: readonly Entry[]
  readonly signal?: AbortSignal
  /** what each run comes to, in place of training */
  readonly train?: (entry: Entry) => RunResult
}

async function compare(entries: readonly Entry[], { kept = [], signal, train = () => result() }: RunInit = {}) {
  const trained: string[] = []
  const written: string[][] = []
  const rows = await compareAll({
    entries,
    kept: new Set(kept),
    trainSamples: 256,
    targetAccuracy: 0,
    signal: signal ?? new AbortController().signal,
    train: async (entry) => {
      trained.push(entry.text)
      const run = train(entry)
      writeRun(entry, run)
      return { result: run, errors: [], hostileErrors: [], out: entry.directory, unwritten: undefined }
    },
    onRow: (rows) => written.push(rows.map(({ status }) => status))
  })
  return { rows, trained, written }
}

const statuses = (rows: readonly Compared[]) => rows.map(({ status }) => status)
const LIST = 'spirt,all-reduce,spirt:minibatches=2'

describe('compare', () => {
  test('trains one after the other, and what is done is written after each', async () => {
    const { rows, trained, written } = await compare(await plan(LIST, out))
    expect(trained).toEqual(['spirt', 'all-reduce', 'spirt:minibatches=2'])
    expect(rows).toMatchObject([
      { strategy: 'spirt', name: 'spirt' },
      { strategy: 'all-reduce', name: 'all-reduce' },
      { strategy: 'spirt:minibatches=2', name: 'spirt' }
    ])
    expect(written).toEqual([['finished'], ['finished', 'finished'], ['finished', 'finished', 'finished']])
  })

  test('does not run again what is kept, and has its numbers', async () => {
    const entries = await plan(LIST, out)
    const [spirt] = entries
    writeRun(spirt!, result({ accuracy: 0.5 }))
    const { rows, trained } = await compare(entries, { kept: [spirt!] })
    expect(trained).toEqual(['all-reduce', 'spirt:minibatches=2'])
    expect(rows[0]).toMatchObject({ status: 'finished', accuracy: 0.5 })
  })

  test.each([
    [
      'throws',
      () => {
        throw new PeergradError('crashed', 'peer 1: ended by SIGKILL')
      },
      { code: 'crashed', reason: 'peer 1: ended by SIGKILL' }
    ],
    ['ends without a peer', () => result({ peers: [peerOutcome(0, 1, { status: 'died' })] }), { code: 'quorum' }],
    ['ends with two models', () => result({ agreed: false }), { code: 'conflict' }],
    ['cannot be measured', () => result({ rounds: 9 }), { code: 'corrupt' }]
  ])('one that %s is a row that says why, and the others go on', async (_, train, row) => {
    const { rows } = await compare(await plan(LIST, out), {
      train: ({ text }) => (text === 'all-reduce' ? train() : result())
    })
    expect(statuses(rows)).toEqual(['finished', 'failed', 'finished'])
    expect(rows[1]).toMatchObject(row)
  })

  test('one that cannot be is not begun', async () => {
    const entries = await plan('spirt,local', out, { peers: 3, aggregator: THREE })
    const { rows, trained } = await compare(entries)
    expect(trained).toEqual(['spirt'])
    expect(rows[1]).toMatchObject({ status: 'failed', reason: expect.stringContaining('expected three') })
  })

  test('Ctrl+C stops the run in hand, starts no other, and keeps what is there', async () => {
    const entries = await plan(LIST, out)
    const stop = new AbortController()
    const left = result({ peers: [peerOutcome(0, 1, { status: 'left' })] })
    const { rows, trained } = await compare(entries, {
      signal: stop.signal,
      train: ({ text }) => {
        if (text !== 'all-reduce') return result()
        stop.abort(new PeergradError('aborted', 'stopped by SIGINT'))
        return left
      }
    })
    expect(trained).toEqual(['spirt', 'all-reduce'])
    expect(statuses(rows)).toEqual(['finished', 'stopped', 'stopped'])
    expect(await Promise.all(entries.map(isKept))).toEqual([true, false, false])
  })

  test('a run of a plug-in whose code is another one now is not kept', async () => {
    const rule = join(out, 'mine.mjs')
    const write = (more: string) =>
      writeFileSync(rule, `export default () => ({ name: 'mine', describe: '', check() {}, aggregate() {} })${more}`)
    write('')
    const entries = await plan('spirt', out, { aggregator: rule })
    await compare(entries)
    expect(await isKept(entries[0]!)).toBe(true)
    write(' // changed')
    expect(await refusal(() => isKept(entries[0]!))).toMatchObject({
      code: 'argument',
      message: expect.stringMatching(/^aggregator: the code is not that of the run in /) as string
    })
  })

  test('Ctrl+C before the first peer is no failure', async () => {
    const stop = new AbortController()
    const { rows } = await compare(await plan('spirt', out), {
      signal: stop.signal,
      train: () => {
        stop.abort(new PeergradError('aborted', 'stopped by SIGINT'))
        throw stop.signal.reason
      }
    })
    expect(statuses(rows)).toEqual(['stopped'])
  })
})

describe('what is there already', () => {
  test.each([
    ['a run to its end', result(), true],
    ['a run that was stopped', result({ peers: [peerOutcome(0, 1, { status: 'left' })] }), false],
    ['a run that went on after a stop', result({ peers: [peerOutcome(0, 1000, { rounds: 1 })] }), false],
    ['a run whose peers disagree', result({ agreed: false }), false]
  ])('%s: %s', async (_, run, kept) => {
    const [entry] = await plan('spirt', out)
    expect(await isKept(entry!)).toBe(false)
    writeRun(entry!, run)
    expect(await isKept(entry!)).toBe(kept)
  })

  test.each([
    ['epochs', { epochs: 2 }],
    ['engine', { engine: 'wasm' }]
  ])('another run is refused, by %s', async (word, flags) => {
    const [before] = await plan('spirt', out)
    writeRun(before!)
    const [entry] = await plan('spirt', out, flags)
    expect(await refusal(() => isKept(entry!))).toMatchObject({
      code: 'argument',
      message: expect.stringContaining(`${word}: got `)
    })
  })

  test('another target is the same run', async () => {
    const [before] = await plan('spirt', out)
    writeRun(before!)
    const [entry] = await plan('spirt', out, { 'target-accuracy': 0.9 })
    expect(await isKept(entry!)).toBe(true)
  })

  test('a run is removed, and a directory that is none stays', async () => {
    const [entry] = await plan('spirt', out)
    writeRun(entry!)
    removeRun(entry!.directory)
    expect(existsSync(entry!.directory)).toBe(false)
    mkdirSync(entry!.directory)
    writeFileSync(join(entry!.directory, 'notes.txt'), 'mine')
    removeRun(entry!.directory)
    expect(existsSync(join(entry!.directory, 'notes.txt'))).toBe(true)
  })
})
