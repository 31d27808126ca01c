import { CONTROL_LIMIT, controlAnswers, type RunEvent } from '@peergrad/core'
import { describe, expect, test } from 'vitest'
import { isAddress } from '../src/dashboard/foreign.js'
import { EventLog } from '../src/peer/event-log.js'

const event = (time: number, reason = ''): RunEvent => ({ time, peer: 'p', type: 'paused', reason })
const times = (lines: readonly string[]) => lines.map((line) => (JSON.parse(line) as RunEvent).time)

/** All that a log gives to one that asks again and again. */
function watched(log: EventLog) {
  const lines: string[] = []
  for (let from = 0; ;) {
    const shown = log.since(from)
    if (shown.lines.length === 0) return lines
    expect(controlAnswers.encode({ kind: 'watched', lines: [...shown.lines], next: shown.next }).length).toBeLessThan(
      CONTROL_LIMIT
    )
    lines.push(...shown.lines)
    from = shown.next
  }
}

describe('the events that a peer shows', () => {
  test('are all of them, in answers that a control message holds', () => {
    const log = new EventLog()
    for (let time = 0; time < 5000; time++) log.add(event(time, 'ü'.repeat(time % 100)))
    expect(times(watched(log))).toEqual(Array.from({ length: 5000 }, (_, time) => time))
  })

  test('go on where the last answer ended', () => {
    const log = new EventLog()
    log.add(event(0))
    const { next } = log.since(0)
    expect(log.since(next)).toEqual({ lines: [], next: 1 })
    log.add(event(1))
    expect(times(log.since(next).lines)).toEqual([1])
    // of another life of that peer, or made up
    expect(log.since(1e9)).toEqual({ lines: [], next: 2 })
  })

  test('are bounded: the first one and the last ones, and none that no answer holds', () => {
    const log = new EventLog()
    for (let time = 0; time < 1000; time++) log.add(event(time, 'x'.repeat(10_000)))
    log.add(event(1000, 'x'.repeat(100_000)))
    const seen = times(watched(log))
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(999)
    expect(seen.length).toBeGreaterThan(300)
    expect(seen.length).toBeLessThan(450)
    expect(seen.slice(1)).toEqual(Array.from({ length: seen.length - 1 }, (_, index) => 1001 - seen.length + index))
  })
})

test.each<[string, boolean]>([
  ['/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW', true],
  ['/dns4/peer-0.peergrad/tcp/4001', true],
  ['/ip6/::1/udp/4001/quic-v1', true],
  ['/home/me/runs/spirt', false],
  ['/dns/runs', false],
  ['runs/ip4', false]
])('%s is the address of a peer: %s', (word, expected) => expect(isAddress(word)).toBe(expected))
