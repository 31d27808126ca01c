import type { RunEvent } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { markdownTables } from '../src/output/markdown.js'
import { Progress } from '../src/output/progress.js'
import { summary } from '../src/output/summary.js'
import { table } from '../src/output/table.js'
import { bytes, percent, seconds, whole } from '../src/output/units.js'
import { interrupts } from '../src/signals.js'
import { Tally } from '../src/tally.js'

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
  readonly columns = 200
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
    expect(text).toContain('one peer finished, with parameters (1 of 2 did not finish): aaaa')
    expect(text).toContain('died')
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
  expect([seconds(9.96), seconds(61)]).toEqual(['10.0 s', '1 min 1 s'])
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
