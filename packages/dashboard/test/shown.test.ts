import type { RunEvent } from '@peergrad/core'
import { describe, expect, test } from 'vitest'
import { EventLog } from '../src/log.js'
import { parseEvent } from '../src/parse.js'
import { bytes, seconds, shortName, shown } from '../src/text.js'
import { append, countUntil, emptySeries, tail } from '../src/state/series.js'
import { barsOf } from '../src/view/timeline-bars.js'
import { lossColumns } from '../src/view/curve-data.js'
import { reduce } from '../src/state/reduce.js'
import { EMPTY } from '../src/state/state.js'
import { story } from '../../../test/utils/story.js'

describe('what a peer says', () => {
  test('is cut, and turns no direction of writing', () => {
    expect(shown('x'.repeat(1e6))).toHaveLength(301)
    expect(shown('a\u202eb\u0000c\u2066d\u200b')).toBe('a�b�c�d�')
    expect(shown(undefined)).toBe('undefined')
  })

  test('a libp2p id is told by its end, a short one whole', () => {
    expect(shortName('12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg')).toBe('…F9yJyg')
    expect(shortName('p3')).toBe('p3')
  })

  test('numbers are as people read them', () => {
    expect([0, 999, 1000, 12_345_678].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '12.3 MB'])
    expect([0, 59_970, 61_000].map(seconds)).toEqual(['0.0 s', '1 min 0 s', '1 min 1 s'])
  })
})

describe('a line of events.ndjson', () => {
  test.each([
    '',
    '{',
    'null',
    '3',
    '{"type":"round"}',
    '{"type":"round","time":"1","peer":"a"}',
    '{"type":1,"time":1,"peer":"a"}'
  ])('%s is none', (line) => expect(parseEvent(line)).toBeUndefined())

  test('that is very long has its texts cut', () => {
    const line = JSON.stringify({ time: 1, peer: 'a', type: 'left', reason: 'x'.repeat(1e6) })
    expect(parseEvent(line)).toMatchObject({
      type: 'left',
      reason: expect.stringMatching(/^x{4000}… \(1000000/) as unknown
    })
  })

  test('that is no event is refused, and the log goes on', () => {
    const log = new EventLog()
    log.append({ type: 'round', time: 1, peer: 'a' } as RunEvent)
    log.append(parseEvent('{"type":"phase","time":2,"peer":"a","round":0,"phase":"compute"}')!)
    expect([log.length, log.refused, log.duration]).toEqual([1, 1, 2])
  })
})

test('a series knows how many of its items are up to a time', () => {
  const series = [0, 1, 1, 4].reduce((all, time) => append(all, { time }), emptySeries<{ time: number }>())
  expect([-1, 0, 1, 2, 9].map((time) => countUntil(series, time))).toEqual([0, 1, 3, 3, 4])
  expect(tail(series, 2)).toEqual([{ time: 1 }, { time: 4 }])
})

describe('the timeline', () => {
  const state = [...story({ peers: ['a', 'b'], rounds: 10, pace: 60 })].reduce(reduce, EMPTY)
  const [peer] = state.peers
  const window = { from: 0, to: 1000, now: 1000, least: 0 }

  test('has a bar for each phase, and a gap after the round', () => {
    const bars = barsOf(peer!, { ...window, to: 70 })
    expect(bars.map(({ phase }) => phase)).toEqual([
      'compute',
      'store',
      'wait',
      'fetch',
      'aggregate',
      'update',
      'compute'
    ])
    expect(bars[5]).toEqual({ phase: 'update', from: 60, to: 69 })
  })

  test('has not more bars than there are pixels', () => {
    expect(barsOf(peer!, { ...window, least: 50 }).length).toBeLessThanOrEqual(1000 / 50)
  })

  test('lets the last phase go on while the peer does', () => {
    const begun = reduce(EMPTY, { time: 5, peer: 'a', type: 'phase', round: 0, phase: 'wait' })
    expect(barsOf(begun.peers[0]!, { ...window, now: 500 })).toEqual([{ phase: 'wait', from: 5, to: 500 }])
    const left = reduce(begun, { time: 6, peer: 'a', type: 'left', reason: 'asked to' })
    expect(barsOf(left.peers[0]!, { ...window, now: 500 })).toEqual([{ phase: 'wait', from: 5, to: 5 }])
  })
})

test('a curve has 400 points at most, and ends at the last round', () => {
  const state = [...story({ peers: ['a'], rounds: 2500, pace: 10 })].reduce(reduce, EMPTY)
  const [rounds, losses] = lossColumns(state)
  expect(rounds).toHaveLength(358)
  expect(rounds.at(-1)).toBe(2500)
  expect(losses!.at(-1)).toBe(2 / (1 + 2499 / 10))
})
