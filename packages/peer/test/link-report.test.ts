import type { Clock, LinkStatistics, RunEvent, Strategy } from '@peergrad/core'
import { expect, test } from 'vitest'
import { LinkReport } from '../src/link-report.js'

const LINK: LinkStatistics = {
  peer: 'b',
  roundTripMilliseconds: 1,
  throughput: undefined,
  tensorBytesSent: 5,
  tensorBytesReceived: 6,
  controlBytesSent: 7,
  controlBytesReceived: 8
}

/** A peer "a" with a model of 10 floats, whose strategy sends one vector to each other, and twice in the last round. */
function reporter(links = 1, given?: Strategy) {
  const time = { now: 0 }
  const twice = {
    traffic: ({ peers, bytes, last = false }) => {
      const each = (peers - 1) * bytes * (last ? 2 : 1)
      return { sent: each, received: each }
    }
  } satisfies Pick<Strategy, 'traffic'>
  const report = new LinkReport({
    mesh: { self: 'a', links: () => Array<LinkStatistics>(links).fill(LINK) },
    strategy: given ?? (twice as Strategy),
    engine: { layout: { parameters: 8, buffers: 2, slots: [] } },
    clock: { now: () => time.now } as Clock
  })
  const view = (members: readonly string[], number = 0) =>
    report.after({ time: 0, peer: 'a', type: 'view', number, members } as RunEvent)
  const round = (number: number, view = 0) =>
    report.after({ time: 0, peer: 'a', type: 'round', round: number, view } as RunEvent)
  return { time, report, view, round }
}

test('tells the bytes of each link after the first round, and then every five seconds at most', () => {
  const { time, view, round } = reporter()
  view(['a', 'b'])
  expect(round(0)).toEqual({ type: 'links', round: 0, links: [LINK], formula: { sent: 40, received: 40 } })
  time.now = 4999
  expect(round(1)).toBeUndefined()
  time.now = 5000
  expect(round(2)).toMatchObject({ round: 2, formula: { sent: 120, received: 120 } })
})

test('sums the formula of each round by its view, none for rounds that are only followed, the last as the last', () => {
  const { report, view, round } = reporter()
  view(['a', 'b', 'c'], 4)
  // the view that a round ends with is told before the round
  view(['b', 'c'], 5)
  round(0, 4)
  view(['a', 'b'], 6)
  round(1, 5)
  view(['a', 'b', 'c'], 7)
  round(2, 6)
  expect(report.report(false)).toMatchObject({ formula: { sent: 80 + 0 + 40 } })
  expect(report.report(true)).toMatchObject({ formula: { sent: 80 + 0 + 80 } })
})

test.each([
  [undefined, 'nothing'],
  [{ sent: 1 }, '{"sent":1}'],
  [{ sent: 1, received: Infinity }, '{"sent":1,"received":null}']
])('a strategy whose formula gives %j and no bytes is named', (said, shown) => {
  const strategy = { name: 'mine', traffic: () => said } as unknown as Strategy
  const { view, round } = reporter(1, strategy)
  view(['a', 'b'])
  expect(() => round(0)).toThrow(`strategy mine: traffic gave ${shown}, expected { sent, received } in bytes`)
})

test('of many links comes more seldom', () => {
  const { time, view, round } = reporter(160)
  view(['a', 'b'])
  round(0)
  time.now = 49_999
  expect(round(1)).toBeUndefined()
  time.now = 50_000
  expect(round(2)).toMatchObject({ round: 2 })
})
