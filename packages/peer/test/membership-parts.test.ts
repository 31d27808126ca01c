import { Emitter, PeergradError, virtualClock, type Beat } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { Gathering, type GatheringInit } from '../src/membership/gathering.js'
import { precedes } from '../src/membership/lineage.js'
import { Roster } from '../src/membership/roster.js'
import { Suspicions } from '../src/membership/suspicions.js'
import type { Swarm } from '../src/membership/swarm.js'
import { Followers } from '../src/runtime/followers.js'
import { StateBook } from '../src/runtime/state-book.js'

const state = (round: number, letter = 'a', plan = '0') => ({
  round,
  hash: letter.repeat(64),
  plan: plan.repeat(16)
})
const beat = (round: number, letter = 'a', plan = '0'): Beat => ({
  ...state(round, letter, plan),
  stateful: true,
  confirmed: true
})

describe('suspicions', () => {
  const members = ['a', 'b', 'c', 'd']

  it('make a loss when a quorum has the same, and no earlier', () => {
    const suspicions = new Suspicions()
    suspicions.record('a', 1, ['d'])
    suspicions.record('b', 1, ['d', 'c'])
    expect(suspicions.agreed('d', members)).toBe(false)
    suspicions.record('c', 1, ['d'])
    expect(suspicions.agreed('d', members)).toBe(true)
    suspicions.record('c', 2, [])
    expect(suspicions.agreed('d', members)).toBe(false)
  })

  it('of a peer of itself, of strangers, and older ones than the last do not count', () => {
    const suspicions = new Suspicions()
    suspicions.record('d', 1, ['d'])
    suspicions.record('stranger', 1, ['d'])
    suspicions.record('a', 5, ['d'])
    suspicions.record('a', 4, [])
    suspicions.record('b', 1, ['d'])
    expect(suspicions.agreed('d', members)).toBe(false)
    suspicions.record('c', 1, ['d'])
    expect(suspicions.agreed('d', members)).toBe(true)
    suspicions.retain(['b', 'c'])
    expect(suspicions.agreed('d', members)).toBe(false)
  })

  it('of one peer of two never make a loss', () => {
    const suspicions = new Suspicions()
    suspicions.record('a', 1, ['b'])
    expect(suspicions.agreed('b', ['a', 'b'])).toBe(false)
  })
})

it('a member that left is gone in views that follow, and here again in one that comes with a state', () => {
  const mesh = Object.assign(new Emitter(), {
    self: 'a',
    connected: () => ['b', 'c'],
    links: () => [],
    admit: () => {}
  })
  const swarm = Object.assign(new Emitter(), {
    mesh,
    ready: [],
    isReady: () => true,
    settle: () => {},
    send: () => {},
    manifest: { deadline: 5000, minPeers: 0, onFailure: 'continue' }
  })
  const roster = new Roster({ swarm: swarm as unknown as Swarm, clock: virtualClock(), patience: 60_000, takes: 1 })
  const members = ['a', 'b', 'c']
  const here = () => [roster.isLost('b'), roster.suspects('b')]
  roster.enter({ number: 4, members })
  roster.leaves('b')
  // it left after this view was proposed
  roster.next([...members, 'd'])
  expect(here()).toEqual([true, true])
  roster.enter({ number: 5, members })
  expect(here()).toEqual([false, false])
  roster.close()
})

describe('of two foundings', () => {
  it('the one that trains goes on, then the older one, and both sides say the same', () => {
    const foundings = [
      { lineage: { founder: 'b', founded: 10 }, running: true },
      { lineage: { founder: 'a', founded: 20 }, running: true },
      { lineage: { founder: 'c', founded: 20 }, running: true },
      { lineage: { founder: 'd', founded: 1 }, running: false }
    ]
    for (const [i, one] of foundings.entries()) {
      for (const other of foundings.slice(i + 1)) {
        expect(precedes(one, other)).toBe(true)
        expect(precedes(other, one)).toBe(false)
      }
    }
  })
})

describe('the states that peers say they are in', () => {
  const members = ['self', 'b', 'c', 'd']
  function book(...others: [string, Beat][]) {
    const found = new StateBook()
    found.enter(state(5), 0)
    for (const [peer, each] of others) found.record(peer, each)
    return found
  }

  it('confirm the own one with a majority, own word included', () => {
    expect(book(['b', beat(5)]).verdict(members, 'self')).toBeUndefined()
    expect(book(['b', beat(5)], ['c', beat(5)]).verdict(members, 'self')).toBe('same')
    expect(book(['b', beat(5)], ['c', beat(5)]).verdict(['b', 'c', 'd', 'e'], 'self')).toBeUndefined()
    expect(book().verdict(['self'], 'self')).toBe('same')
  })

  it('contradict it only with a majority of their own', () => {
    const differ = (count: number) =>
      book(...['b', 'c', 'd'].slice(0, count).map((peer): [string, Beat] => [peer, beat(5, 'f')]))
    expect(differ(2).verdict(members, 'self')).toBeUndefined()
    expect(differ(3).verdict(members, 'self')).toBe('differs')
  })

  it('are compared in the last round that both were in, with the plan', () => {
    expect(book(['b', beat(5)], ['b', beat(9, 'f')]).upToDate('b', 0)).toBe(true)
    expect(book(['b', beat(5, 'f')], ['b', beat(9)]).upToDate('b', 0)).toBe(false)
    expect(book(['b', beat(5, 'a', '1')]).upToDate('b', 0)).toBe(false)
    expect(book(['b', beat(5)]).upToDate('b', 0)).toBe(true)
  })

  it('are out of date when this peer is more than two rounds further, for longer than a moment', () => {
    const found = book(['b', beat(5)])
    for (const round of [6, 7]) found.enter(state(round), 1000)
    expect(found.upToDate('b', 9000)).toBe(true)
    found.enter(state(8), 10_000)
    expect(found.upToDate('b', 10_200)).toBe(true)
    expect(found.upToDate('b', 10_300)).toBe(false)
  })

  it('say nothing of a state that was taken anew, where they were before it', () => {
    const found = book(['b', beat(5, 'f')], ['c', beat(5, 'f')], ['d', beat(5, 'f')])
    expect(found.verdict(members, 'self')).toBe('differs')
    found.lose()
    found.enter(state(6, 'f'), 0)
    for (const peer of ['b', 'c', 'd']) found.record(peer, beat(7, 'f'))
    expect(found.verdict(members, 'self')).toBeUndefined()
    for (const peer of ['b', 'c', 'd']) found.record(peer, beat(6, 'f'))
    expect(found.verdict(members, 'self')).toBe('same')
  })

  it('are forgotten of a peer that has none any more', () => {
    const found = book(['b', beat(5)])
    found.record('b', { ...beat(0), stateful: false })
    expect(found.round('b')).toBe(-1)
  })
})

describe('those who catch up', () => {
  it('hold back what they need, until they are there, gone, or too far behind', () => {
    const clock = virtualClock()
    const followers = new Followers(clock, () => {})
    let held = 2
    followers.add('a', 10, () => (held -= 1))
    followers.add('b', 12, () => (held -= 1))
    expect(followers.floor(15)).toBe(10)
    followers.reached('a', 14)
    expect([followers.floor(15), held]).toEqual([12, 1])
    followers.reached('a', 13)
    expect(followers.floor(15)).toBe(12)
    followers.dropLast()
    expect([followers.floor(15), followers.peers, held]).toEqual([14, ['a'], 0])
    expect(followers.floor(1000)).toBe(1000)
    expect(followers.peers).toEqual([])
  })

  it('keep a state for two minutes at the most', () => {
    const clock = virtualClock()
    const followers = new Followers(clock, () => {})
    let held = 1
    followers.add('a', 10, () => (held -= 1))
    clock.advance(120_000)
    expect([held, followers.peers]).toEqual([0, []])
    expect(clock.pending).toBe(0)
  })

  it('are 32 at one time, with those that have theirs not counted', () => {
    const followers = new Followers(virtualClock(), () => {})
    const many = Array.from({ length: 32 }, (_, index) => `peer${index}`)
    for (const peer of many) followers.add(peer, 10, () => {})
    expect([followers.admits('next'), followers.admits(many[0])]).toEqual([false, true])
    followers.reached(many[0], 11)
    expect(followers.admits('next')).toBe(true)
    followers.close()
  })
})

const STATE = { round: 40, hash: 'f'.repeat(64) }

describe('a peer that gathers with others, of whom one does not answer', () => {
  const lineage = { founder: 'a', founded: 1 }
  const gathering = (init: Partial<GatheringInit> = {}) =>
    new Gathering({
      ...init,
      mesh: Object.assign(new Emitter(), { self: 'self', connected: () => ['a', 'mute'] }),
      clock: virtualClock(),
      join: ['somewhere'],
      acquaintance: { lineage, ready: [] },
      greetings: { greetAll: () => new Promise(() => undefined) },
      known: { lineage, manifest: { peers: 2 } },
      onReady: () => () => undefined
    } as unknown as GatheringInit)

  it('hears that it is to leave', async () => {
    const leave = new AbortController()
    const gathered = gathering().gather({ deadline: 60_000, signal: leave.signal })
    leave.abort(new PeergradError('aborted', 'this peer leaves the run'))
    await expect(gathered).rejects.toThrow(expect.objectContaining({ code: 'aborted' }))
  })

  it('begins where it is told to', async () => {
    const found = gathering()
    const gathered = found.gather({ deadline: 60_000, signal: new AbortController().signal })
    const view = { number: 0, members: ['a', 'self'] }
    found.onFound('a', { kind: 'found', run: 'run', lineage, view, state: null })
    expect(await gathered).toEqual({ view, state: null })
  })

  it('goes on from its checkpoint, whatever one of those says that it was with then', async () => {
    const view = { number: 4, members: ['a', 'b', 'self'] }
    const found = gathering({ resumed: { state: STATE, view, lineage } })
    const gathered = found.gather({ deadline: 60_000, signal: new AbortController().signal })
    const told = { kind: 'found', run: 'run', lineage, view } as const
    expect(() => found.onFound('b', { ...told, state: null })).toThrow(expect.objectContaining({ code: 'refused' }))
    expect(() => found.onFound('c', { ...told, state: STATE })).toThrow(expect.objectContaining({ code: 'refused' }))
    found.onFound('b', { ...told, state: STATE })
    expect(await gathered).toEqual({ view, state: STATE })
  })
})
