import type { RunEvent } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { story } from '../../../test/utils/story.js'
import { EventLog } from '../src/log.js'
import { lineOf } from '../src/state/happenings.js'
import { linksOf, sentBetween, vectorsOf } from '../src/state/links.js'
import { reduce } from '../src/state/reduce.js'
import { tail } from '../src/state/series.js'
import { standing } from '../src/state/standing.js'
import { EMPTY, type PeerState, type RunState } from '../src/state/state.js'

const PEERS = ['a', 'b', 'c', 'd']
const EVENTS = [...story({ peers: PEERS, rounds: 30, death: { peer: 3, round: 19 } })]
const fold = (events: readonly RunEvent[], from = EMPTY) => events.reduce(reduce, from)

/** All that a state says, without what its series share with later ones. */
function told(state: RunState) {
  const peer = ({ rounds, phases, evaluations, ...rest }: PeerState) => ({
    ...rest,
    rounds: tail(rounds, Infinity),
    phases: tail(phases, Infinity),
    evaluations: tail(evaluations, Infinity)
  })
  return { ...state, peers: state.peers.map(peer), happenings: tail(state.happenings, Infinity) }
}

const prefix = fc.integer({ min: 0, max: EVENTS.length })

describe('the state of a run, as laws', () => {
  test('an older state says the same after newer ones were made of it', () => {
    fc.assert(
      fc.property(prefix, (count) => {
        const state = fold(EVENTS.slice(0, count))
        const before = structuredClone(told(state))
        fold(EVENTS.slice(count), state)
        expect(told(state)).toEqual(before)
      }),
      { numRuns: 20 }
    )
  })

  test('two futures of one past know nothing of one another', () => {
    fc.assert(
      fc.property(prefix, fc.integer({ min: 1, max: 50 }), (count, less) => {
        const state = fold(EVENTS.slice(0, count))
        const one = fold(EVENTS.slice(count), state)
        const other = fold(EVENTS.slice(count + less), state)
        expect(told(one)).toEqual(told(fold(EVENTS)))
        expect(told(other)).toEqual(told(fold([...EVENTS.slice(0, count), ...EVENTS.slice(count + less)])))
      }),
      { numRuns: 20 }
    )
  })

  test('any place of a log is the state of the events up to there, wherever one comes from', () => {
    const log = new EventLog()
    for (const event of EVENTS) log.append(event)
    fc.assert(
      fc.property(prefix, prefix, (from, to) => {
        const near = { count: from, state: log.stateAt(from) }
        expect(told(log.stateAt(to, near))).toEqual(told(fold(EVENTS.slice(0, to))))
      }),
      { numRuns: 30 }
    )
  })

  test('whatever the order of events, nothing throws and each peer is there once', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(EVENTS), (events) => {
        const { peers, places } = fold(events)
        expect(peers.map(({ id }) => places.get(id))).toEqual(peers.map((_, index) => index))
      }),
      { numRuns: 30 }
    )
  })
})

describe('the state of a run', () => {
  const end = fold(EVENTS)
  const [a, , , d] = end.peers as [PeerState, PeerState, PeerState, PeerState]

  test('says who finished and who is lost, and why', () => {
    expect(end.peers.map(standing)).toEqual(['finished', 'finished', 'finished', 'lost'])
    expect(d.lost).toBe('3 of the view suspect it')
    expect(end.view).toEqual({ number: 1, members: ['a', 'b', 'c'] })
  })

  test('counts who contributed, once a round', () => {
    expect(end.counted).toEqual({ round: 29, rounds: 30 })
    expect(end.peers.map(({ contributed }) => contributed)).toEqual([30, 30, 30, 20])
  })

  test('knows the bytes of each link, and the formula', () => {
    expect(sentBetween(a, d)).toBeUndefined()
    expect(sentBetween(a, end.peers[1]!)).toBe(30_100)
    expect(vectorsOf(a)).toEqual({ sent: 60_000, received: 60_000 })
    expect(a.formula).toEqual({ sent: 60_000, received: 60_000 })
    expect(linksOf(end).map(({ a, b, up }) => `${a.id}${b.id} ${up}`)).toEqual([
      'ab true',
      'ac true',
      'ad false',
      'bc true',
      'bd false',
      'cd false'
    ])
  })

  test('of what one peer says: who is in the view runs when it gives something, and who only connects is none of it', () => {
    const heard = EVENTS.filter(({ peer }) => peer === 'a')
    const strange: RunEvent = { time: 1, peer: 'a', type: 'connected', other: 'watcher' }
    const states = (until: RunEvent['type']) => {
      const end = heard.findIndex(({ type }) => type === until)
      return fold([strange, ...heard.slice(0, end + 1)]).peers.map((peer) => `${peer.id} ${standing(peer)}`)
    }
    expect(states('view')).toEqual(['a running', 'b starting', 'c starting', 'd starting'])
    expect(states('round')).toEqual(PEERS.map((peer) => `${peer} running`))
    expect(linksOf(fold([strange, ...heard]))).toHaveLength(3)
  })

  test('a suspicion that is taken back is none', () => {
    const suspected: RunEvent = { time: 5, peer: 'a', type: 'suspected', other: 'b', reason: 'silent' }
    const state = fold([...EVENTS.slice(0, 40), suspected])
    expect(state.peers.map(standing)).toEqual(['running', 'suspected', 'running', 'running'])
    const trusted: RunEvent = { time: 6, peer: 'a', type: 'trusted', other: 'b' }
    expect(standing(reduce(state, trusted).peers[1]!)).toBe('running')
  })

  test('a lost peer that is in a newer view is back', () => {
    const back: RunEvent = { time: 7000, peer: 'a', type: 'view', number: 2, members: PEERS }
    expect(standing(reduce(end, back).peers[3]!)).toBe('running')
  })

  test('time never goes back, and what is not known changes nothing else', () => {
    const odd = [
      { time: 1, peer: 'a', type: 'constructor' },
      { time: 1, peer: 'a', type: '__proto__' }
    ] as unknown[]
    expect(odd.reduce((state: RunState, event) => reduce(state, event as RunEvent), end)).toBe(end)
  })

  test('every happening has a sentence', () => {
    const said = tail(end.happenings, Infinity).map(lineOf)
    expect(said[0]!.what).toBe('view 0: 4 peers: a, b, c, d')
    expect(said.map(({ what }) => what)).toContain('gives d up: 3 of the view suspect it')
    expect(said.filter(({ grave }) => grave)).toHaveLength(6)
  })

  test('a peer that is proved to have lied is excluded, whatever it says later, with the proof', () => {
    const proof = { time: 7000, peer: 'a', type: 'excluded', other: 'b', round: 4, reason: 'two manifests' } as const
    const event: RunEvent = { ...proof, evidence: ['AAAA', 'BBBB'] }
    const after: RunEvent = { time: 7001, peer: 'b', type: 'finished', round: 29, parametersHash: 'c' }
    expect(standing(fold([event, after], end).peers[1]!)).toBe('excluded')
    expect(lineOf(event)).toMatchObject({ what: 'excludes b for round 5: two manifests', evidence: ['AAAA', 'BBBB'] })
  })

  test('signed messages are shown as evidence', () => {
    const event: RunEvent = {
      time: 0,
      peer: 'a',
      type: 'equivocated',
      other: 'b',
      round: 1,
      envelopes: ['AAAA', 'BBBB']
    }
    expect(lineOf(event)).toMatchObject({ grave: true, evidence: ['AAAA', 'BBBB'] })
  })
})

test('bytes of a link that is not told any more are in the sum of others, and counted once', () => {
  const row = (peer: string, tensorBytesSent: number) => ({
    ...{ peer, roundTripMilliseconds: undefined, throughput: undefined },
    ...{ tensorBytesSent, tensorBytesReceived: 0, controlBytesSent: 0, controlBytesReceived: 0 }
  })
  const links = (...rows: ReturnType<typeof row>[]): RunEvent => ({
    ...{ type: 'links', time: 0, peer: 'a', round: 0, links: rows },
    formula: { sent: 0, received: 0 }
  })
  const [peer] = fold([links(row('b', 10), row('c', 5)), links(row('b', 12), row('others', 5))]).peers
  expect(vectorsOf(peer!)).toEqual({ sent: 17, received: 0 })
})
