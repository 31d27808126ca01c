import type { RunEvent } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { markdownTables } from '../src/output/markdown.js'
import { Losses } from '../src/losses.js'
import type { PeerOutcome } from '../src/outcome.js'
import { say } from '../src/output/print.js'
import { Progress } from '../src/output/progress.js'
import { summary } from '../src/output/summary.js'
import { table } from '../src/output/table.js'
import { bytes, percent, seconds, whole } from '../src/output/units.js'
import { cost, learning, slowest } from '../src/output/verdicts.js'
import { interrupts } from '../src/signals.js'
import { Tally } from '../src/tally.js'
import { peerOutcome, result as runResult } from './fixtures/compared.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

describe('Ctrl+C', () => {
  test('passed on twice, by the terminal and by npm, is one; a later one is the second', () => {
    const again = vi.fn()
    const { signal, close } = interrupts(again)
    process.emit('SIGINT', 'SIGINT')
    expect(signal.aborted).toBe(true)
    process.emit('SIGINT', 'SIGINT')
    vi.advanceTimersByTime(90)
    process.emit('SIGTERM', 'SIGTERM')
    expect(again).not.toHaveBeenCalled()
    vi.advanceTimersByTime(20)
    process.emit('SIGINT', 'SIGINT')
    expect(again).toHaveBeenCalledTimes(1)
    close()
    expect(process.listenerCount('SIGHUP')).toBe(0)
  })
})

const round = (time: number, round: number): RunEvent => ({
  time,
  peer: 'p',
  type: 'round',
  round,
  attempt: 0,
  view: 0,
  contributors: ['p'],
  samples: 500,
  loss: 0.25,
  seconds: 0.1,
  phases: { compute: 10 },
  steps: round + 1,
  bytesSent: 1_500_000,
  bytesReceived: 2_000,
  parametersHash: 'a'.repeat(64)
})

class Screen {
  text = ''
  columns = 200
  rows = 50
  readonly isTTY: boolean
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  readonly write = (text: string): boolean => {
    this.text += text
    return true
  }
}

function progress(isTTY: boolean) {
  const screen = new Screen(isTTY)
  const tally = new Tally()
  const drawn = new Progress(tally, () => '0', screen as unknown as NodeJS.WriteStream)
  tally.add(round(0, 0))
  tally.add(round(1000, 1))
  return { screen, drawn }
}

describe('progress', () => {
  test('is a table drawn again in place on a terminal', () => {
    const { screen, drawn } = progress(true)
    vi.advanceTimersByTime(200)
    const first = screen.text
    expect(first.split('\n').slice(1)).toEqual([
      '  peer  round    loss  accuracy  samples/s      in     out  phase',
      '     0      2  0.2500         –        500  4.0 kB  3.0 MB  starting',
      ''
    ])
    vi.advanceTimersByTime(200)
    expect(screen.text.slice(first.length).startsWith('\u001b[3A\u001b[J')).toBe(true)
    drawn.close()
  })

  test('is a line for each peer every few seconds elsewhere, without control characters', () => {
    const { screen, drawn } = progress(false)
    vi.advanceTimersByTime(4999)
    expect(screen.text).toBe('')
    vi.advanceTimersByTime(1)
    expect(screen.text).toBe(
      '5.0 s  peer 0  round 2  loss 0.2500  accuracy –  500 samples/s  in 4.0 kB  out 3.0 MB  starting\n'
    )
    drawn.say('a sentence')
    expect(screen.text).toContain('\na sentence\n')
    drawn.close()
    vi.advanceTimersByTime(20_000)
    expect(screen.text).not.toContain('20.0 s')
    expect(screen.text).not.toContain('\u001b')
  })
})

test('what is said moves no cursor, whoever wrote it, and keeps its lines and the colours of the log', () => {
  const hostile = 'no\u001b]0;owned\u0007\u001b[2J\ngot "\r"'
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  say(hostile)
  expect(written).toHaveBeenLastCalledWith('no�]0;owned��[2J\ngot "�"\n')
  written.mockRestore()
  const { screen, drawn } = progress(false)
  drawn.say(hostile)
  drawn.sayLine('\u001b[33mwarn\u001b[0m')
  drawn.close()
  expect(screen.text).toContain('no�]0;owned��[2J\ngot "�"\n\u001b[33mwarn\u001b[0m\n')
})

describe('a window', () => {
  /** What is drawn there, of so many peers in a round each. */
  function drawn(size: { columns?: number; rows?: number }, peers = 1) {
    const screen = Object.assign(new Screen(true), size)
    const tally = new Tally()
    const progress = new Progress(tally, (id) => id, screen as unknown as NodeJS.WriteStream)
    for (let number = 0; number < peers; number++)
      for (const event of [round(0, 0), round(1000, 1)]) tally.add({ ...event, peer: `p${number}` })
    vi.advanceTimersByTime(200)
    return { screen, progress, lines: screen.text.split('\n').slice(1, -1) }
  }

  test.each([
    [70, 'peer  round    loss  accuracy  samples/s      in     out  phase'],
    [60, 'peer  round    loss  accuracy  samples/s  phase'],
    [45, 'peer  round    loss  accuracy  phase'],
    [30, 'peer  round    loss'],
    [12, 'peer  rou']
  ])('that is %i wide has the columns that it has room for', (columns, headings) => {
    const { lines, progress } = drawn({ columns })
    expect(lines[0]?.trim()).toBe(headings)
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(columns)
    progress.close()
  })

  test('that is low says how many peers it has no room for', () => {
    const { lines, progress } = drawn({ rows: 10 }, 20)
    expect(lines).toHaveLength(8)
    expect(lines.at(-1)).toBe('  and 14 more peers')
    progress.close()
  })

  test('that became narrower is cleared of the lines that it broke', () => {
    const { screen, progress } = drawn({ columns: 100 })
    const before = screen.text.length
    screen.columns = 40
    vi.advanceTimersByTime(200)
    // the time in one line, headings and peer in two each
    expect(screen.text.slice(before).startsWith('\u001b[5A\u001b[J')).toBe(true)
    progress.close()
  })

  test('that can do nothing but write gets lines, and nothing where a log says the same', () => {
    vi.stubEnv('TERM', 'dumb')
    const { screen, progress } = drawn({})
    vi.advanceTimersByTime(5000)
    expect(screen.text).toMatch(/^5\.0 s {2}peer p0 .*\n$/)
    progress.close()
    const quiet = new Screen(false)
    const silent = new Progress(new Tally(), String, quiet as unknown as NodeJS.WriteStream, true)
    vi.advanceTimersByTime(5000)
    silent.say('a sentence')
    silent.close()
    expect(quiet.text).toBe('a sentence\n')
    vi.unstubAllEnvs()
  })
})

describe('the summary answers', () => {
  test('whether it is learning', () => {
    const said = (...losses: number[]) => {
      const kept = new Losses()
      losses.forEach((loss, number) => kept.add(number, loss))
      return learning({ trainingLoss: kept.result })
    }
    expect(said(2, 2, 2, 2, 2, 9, 1, 1, 1, 1, 1)).toBe(
      'training loss 2.0000 at the start, 1.0000 at the end: it learns'
    )
    expect(said(4, 3, 2, 1)).toContain('loss 3.5000 at the start, 1.5000 at the end: it learns')
    expect(said(1, 1, 1)).toContain('it hardly learns')
    expect(said(1, 3)).toContain('it gets worse: try a smaller --lr')
    expect(said(1, 1e9)).toContain('1.00e+9')
    expect(said(1)).toBeUndefined()
    expect(said(NaN, Infinity)).toBeUndefined()
  })

  test('by rounds in any order', () => {
    const kept = new Losses()
    for (const number of [9, 0, 8, 1, 7, 2, 6, 3, 5, 4, 4, 0]) kept.add(number, number)
    expect(kept.result).toEqual({ first: 2, last: 7 })
  })

  const peer = (rank: number, secondsComputing: number, more: Partial<PeerOutcome> = {}) =>
    peerOutcome(rank, 1000, { rounds: 10, secondsComputing, ...more })

  test('who is slow', () => {
    expect(slowest({ peers: [peer(0, 10), peer(1, 30), peer(2, 9)] })).toBe(
      'rank 1 computes 3.0 s a round, half of the peers at most 1.0 s: it sets the pace'
    )
    expect(slowest({ peers: [peer(0, 5), peer(1, 6)] })).toBe('nobody: each peer computes 500 ms to 600 ms a round')
    expect(slowest({ peers: [peer(0, 5), peer(1, 5), peer(2, 0, { rounds: 0 })] })).toBe(
      'nobody: each peer computes 500 ms a round'
    )
    const alone = peer(0, 4, { secondsCommunicating: 5, secondsAggregating: 1, secondsByPhase: { wait: 3 } })
    expect(slowest({ peers: [alone] })).toBe('this peer waited for others in 30 % of its time')
    expect(slowest({ peers: [] })).toBeUndefined()
  })

  test('what it costs', () => {
    const spent = { secondsCommunicating: 3, secondsAggregating: 1, peakMemoryBytes: 5e8, bytesSent: 1e6 }
    const peers = [peer(0, 6, spent), peer(1, 6, { ...spent, peakMemoryBytes: 4e8 })]
    expect(cost(runResult({ peers, rounds: 10, seconds: 65 }))).toBe(
      '1 min 5 s, 6.5 s a round; 60 % computing, 30 % communicating, 10 % aggregating; 2.0 MB sent, 200 kB a round; 500 MB of memory at most'
    )
    expect(cost(runResult({ peers: [], rounds: 0 }))).toBeUndefined()
  })

  test('what a round costs, of the rounds that were seen', () => {
    const late = runResult({ peers: [peer(0, 6, { rounds: 10 })], rounds: 1000, seconds: 65 })
    expect(cost(late)).toContain('6.5 s a round')
  })

  test('in words beside the rest', () => {
    const tally = new Tally()
    for (const event of [round(0, 0), { ...round(1000, 1), loss: 0.1 } as RunEvent]) tally.add(event)
    const text = summary(tally.result(), { out: 'runs/x', command: 'train', complete: true })
    expect(text).toMatch(/^ {2}learning {2}training loss 0\.2500 at the start, 0\.1000/m)
    expect(text).toMatch(/^ {2}cost {6}\d/m)
  })
})

describe('the summary', () => {
  const finished = (peer: string, parametersHash: string): RunEvent[] => [
    { time: 0, peer, type: 'view', number: 0, members: ['p', 'q'] },
    { ...round(1000, 0), peer },
    { time: 2000, peer, type: 'finished', round: 0, parametersHash }
  ]

  test('says that the peers disagree, and who holds what', () => {
    const tally = new Tally()
    for (const event of [...finished('p', 'a'.repeat(64)), ...finished('q', 'b'.repeat(64))]) tally.add(event)
    expect(tally.agreed).toBe(false)
    expect(summary(tally.result(), { out: 'runs/x', command: 'train', complete: true })).toContain(
      'DO NOT HOLD THE SAME PARAMETERS: 0 aaaa'
    )
  })

  test('says who did not finish', () => {
    const tally = new Tally()
    for (const event of [...finished('p', 'a'.repeat(64)), { ...round(0, 0), peer: 'q' }]) tally.add(event)
    tally.ended('q', 'died')
    const text = summary(tally.result(), { out: 'runs/x', command: 'train', complete: true })
    expect(text).toContain('one peer finished, with parameters (1 of 2 peers did not finish): aaaa')
    expect(text).toContain('died')
  })

  test('says of who left in order that it did', () => {
    const tally = new Tally()
    for (const event of [...finished('p', 'a'.repeat(64)), { ...round(0, 0), peer: 'q' }]) tally.add(event)
    tally.add({ time: 2000, peer: 'q', type: 'left', reason: 'asked to' })
    const text = summary(tally.result(), { out: 'runs/x', command: 'train', complete: true })
    expect(text).toContain('one peer finished, with parameters (1 of 2 peers left before the end, in order): aaaa')
  })
})

test('units', () => {
  expect([0, 999, 1000, 99_940, 999_600, 12_345_678_900].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '99.9 kB',
    '1.0 MB',
    '12.3 GB'
  ])
  expect([percent(0.97015), percent(null)]).toEqual(['97.02 %', '–'])
  expect([9.96, 59.94, 59.96, 61, 119.7, 3599.9].map(seconds)).toEqual([
    '10.0 s',
    '59.9 s',
    '1 min 0 s',
    '1 min 1 s',
    '2 min 0 s',
    '60 min 0 s'
  ])
  expect(whole(10_000)).toBe('10,000')
})

test('a table sets numbers to the right and words to the left', () => {
  expect(
    table(
      ['n', 'what'],
      [
        ['1', 'a'],
        ['22', 'bb']
      ],
      ''
    )
  ).toEqual([' n  what', ' 1  a', '22  bb'])
})

test('tables of a text in Markdown', () => {
  const text = 'Words | more\n\n| a | b |\n|---|--:|\n| 1 | x y |\n| 2 |  |\n\nNote.\n'
  expect(markdownTables(text)).toEqual([
    {
      columns: ['a', 'b'],
      rows: [
        ['1', 'x y'],
        ['2', '']
      ]
    }
  ])
})
