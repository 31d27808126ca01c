import { PeergradError, type RunEvent, type Strategy } from '@peergrad/core'
import { expect, test } from 'vitest'
import { Observer } from '../../src/lab/observer.js'

const strategy = { traffic: ({ peers, bytes }) => ({ sent: 0, received: (peers - 1) * bytes }) } as Strategy
const observer = () => new Observer({ strategy, byzantine: 1, deadline: 30_000, chance: 0.1 })
const MEMBERS = ['a', 'b', 'evil']
const HASH = 'a'.repeat(64)

const view = (peer: string, members = MEMBERS, number = 0): RunEvent => ({
  type: 'view',
  time: 0,
  peer,
  number,
  members
})
const round = (peer: string, number: number, more: object = {}): RunEvent => ({
  type: 'round',
  time: 0,
  peer,
  round: number,
  attempt: 0,
  view: 0,
  contributors: MEMBERS,
  samples: 3,
  loss: 1,
  seconds: 1,
  phases: {},
  steps: number + 1,
  packed: { bytes: 100, whole: 100 },
  bytesSent: 0,
  bytesReceived: 250,
  parametersHash: HASH,
  ...more
})
const evaluated = (peer: string, number: number, accuracy: number): RunEvent => ({
  type: 'evaluated',
  time: 0,
  peer,
  round: number,
  accuracy,
  loss: 0,
  samples: 10
})
const finished = (peer: string, parametersHash = HASH): RunEvent => ({
  type: 'finished',
  time: 0,
  peer,
  round: 1,
  parametersHash
})

function told(...events: readonly RunEvent[]) {
  const observing = observer()
  for (const event of [...MEMBERS.map((peer) => view(peer)), ...events]) observing.add(event)
  return observing
}
const both = (...events: ((peer: string) => RunEvent)[]) => events.flatMap((event) => ['a', 'b'].map(event))

test('what honest peers say counts, and nothing of a hostile one', () => {
  const run = told(
    ...both(
      (peer) => round(peer, 0),
      (peer) => round(peer, 1),
      (peer) => finished(peer)
    ),
    evaluated('a', 0, 0.9),
    evaluated('a', 1, 0.6),
    evaluated('evil', 1, 1),
    round('evil', 9),
    finished('evil', 'b'.repeat(64))
  )
  expect(run.outcome({ ended: undefined, seconds: 3 })).toMatchObject({
    chance: 0.1,
    parametersHash: HASH,
    rounds: 2,
    seconds: 3,
    best: 0.9,
    last: 0.6,
    // 250 received of 200 by the formula, by two peers in two rounds
    standing: { held: true, why: null, delayed: 0, wasted: 200, exclusion: null }
  })
})

test('it did not hold when honest peers differ, miss the end or are shut out', () => {
  const rounds = both((peer) => round(peer, 0))
  const why = (...events: RunEvent[]) => told(...rounds, ...events).outcome({ ended: undefined, seconds: 1 }).standing
  expect(why(finished('a'), finished('b', 'b'.repeat(64)))).toMatchObject({
    held: false,
    why: expect.stringContaining('same parameters')
  })
  expect(why(finished('a'))).toMatchObject({ held: false, why: expect.stringContaining('1 of 2') })
  expect(why(view('a', ['a', 'evil'], 1), finished('a'), finished('b'))).toMatchObject({
    held: false,
    why: expect.stringContaining('1 honest peers were shut out')
  })
})

test('a round that took another attempt or the whole deadline was delayed, and exclusion is counted in rounds', () => {
  const run = told(
    ...both(
      (peer) => round(peer, 0),
      (peer) => round(peer, 1, { attempt: 1, contributors: ['a', 'b'], bytesReceived: 100 }),
      // a view is told before the round at whose end it was made
      (peer) => view(peer, ['a', 'b'], 1),
      (peer) => round(peer, 2, { seconds: 30, contributors: ['a', 'b'], bytesReceived: 100 }),
      (peer) => round(peer, 3, { view: 1, contributors: ['a', 'b'], bytesReceived: 100 }),
      (peer) => finished(peer)
    )
  )
  expect(run.outcome({ ended: undefined, seconds: 1 }).standing).toMatchObject({
    held: true,
    delayed: 2,
    wasted: 100,
    exclusion: 3
  })
})

test('who is in a later view again was not excluded', () => {
  const back = told(
    ...both(
      (peer) => round(peer, 0),
      (peer) => view(peer, ['a', 'b'], 1),
      (peer) => round(peer, 1, { view: 1 }),
      (peer) => view(peer, MEMBERS, 2),
      (peer) => round(peer, 2, { view: 2 }),
      (peer) => finished(peer)
    )
  )
  expect(back.outcome({ ended: undefined, seconds: 1 }).standing.exclusion).toBe(null)
})

test('the last round of a strategy that ends otherwise is no waste', () => {
  const traffic: Strategy['traffic'] = ({ peers, bytes, last }) => ({
    sent: 0,
    received: (last ? peers - 1 : 1) * bytes
  })
  const observing = new Observer({ strategy: { traffic } as Strategy, byzantine: 1, deadline: 30_000, chance: 0.1 })
  for (const peer of MEMBERS) observing.add(view(peer))
  for (const event of both(
    (peer) => round(peer, 0, { bytesReceived: 100 }),
    (peer) => round(peer, 1, { bytesReceived: 200 }),
    (peer) => finished(peer)
  ))
    observing.add(event)
  expect(observing.outcome({ ended: undefined, seconds: 1 }).standing.wasted).toBe(0)
})

test.each(['non-finite', 'quorum'] as const)('a run that ended before its time (%s) is worth chance', (code) => {
  const run = told(...both((peer) => round(peer, 0)), evaluated('a', 0, 0.4))
  const ended = new PeergradError(code, 'the training diverged')
  expect(run.outcome({ ended, seconds: 1 })).toMatchObject({
    parametersHash: null,
    best: 0.4,
    last: 0.1,
    ended: { code },
    standing: { held: false, why: 'the training diverged' }
  })
})

test('before there is a view no round was made', () => {
  const ended = new PeergradError('full', 'no memory')
  expect(told().outcome({ ended, seconds: 1 }).rounds).toBe(0)
})
