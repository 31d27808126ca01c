import type { RunEvent } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { story } from '../../../test/utils/story.js'
import { parseEvent } from '../src/parse.js'
import { lineOf } from '../src/state/happenings.js'
import { reduce } from '../src/state/reduce.js'
import { EMPTY } from '../src/state/state.js'

const HASH = 'a'.repeat(64)
const OTHERS = [
  { type: 'trusted', other: 'b' },
  { type: 'equivocated', other: 'b', round: 1, envelopes: ['x', 'y'] },
  { type: 'excluded', other: 'b', round: 1, reason: 'lied', evidence: ['x'] },
  { type: 'merged', founder: 'b' },
  { type: 'refused', other: 'b', offence: 'norm', reason: 'too long' },
  { type: 'diverged', round: 1 },
  { type: 'healed', round: 1 },
  { type: 'paused', reason: 'too few' },
  { type: 'resumed', reason: 'enough' },
  { type: 'checkpoint', round: 1, file: '/x' },
  { type: 'left', reason: 'asked to' },
  { type: 'evaluated', round: 1, accuracy: 0.1, loss: null, samples: 10, last: true }
] as const
const STORY = [...story({ peers: ['a', 'b', 'c'], rounds: 2, death: { peer: 2, round: 0 } })]
const ALL: readonly RunEvent[] = [...STORY, ...OTHERS.map((body) => ({ time: 9, peer: 'a', ...body }) as RunEvent)]
const ONE_OF_EACH = [...new Map(ALL.map((event) => [event.type, event])).values()]

const again = (value: unknown) => parseEvent(JSON.stringify(value))

test('what a run writes are events, whatever else is in them, and of types of a later version', () => {
  for (const event of ALL) expect(again(event)).toEqual(event)
  for (const type of ['constructor', 'valueOf', '__proto__']) {
    const later = { type, time: 1, peer: 'a', other: 3 }
    expect(again(later)).toEqual(later)
    expect(lineOf(again(later)!).what).toBe(type)
  }
  const more = { ...STORY[0], more: [1] }
  expect(again(more)).toEqual(more)
})

describe.each(ONE_OF_EACH.map((event) => [event.type, event] as const))('%s', (_, event) => {
  const fields = Object.keys(event).filter((name) => name !== 'packed' && name !== 'last')

  test.each(fields)('without %s is no event', (name) => {
    expect(again({ ...event, [name]: undefined })).toBeUndefined()
  })

  test.each(Object.keys(event))('with anything else as %s is none, or can be shown', (name) => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = again({ ...event, [name]: value })
        if (read === undefined) return
        const state = reduce(EMPTY, read)
        for (const peer of state.peers) expect(peer.id).toBeTypeOf('string')
        expect(lineOf(read).what).toBeTypeOf('string')
      })
    )
  })
})

test.each([
  ['a name that is a number', { type: 'suspected', other: 123456789012345, reason: '' }],
  ['a member that is none', { type: 'view', number: 0, members: ['a', 3] }],
  ['a time that is text', { ...STORY.find(({ type }) => type === 'round'), phases: { later: 'x' } }],
  ['a number that is null', { ...STORY.find(({ type }) => type === 'round'), loss: null }],
  ['bytes that are text', { ...STORY.find(({ type }) => type === 'round'), packed: { bytes: '1', whole: 1 } }],
  ['a manifest that is none', { ...STORY[0], manifest: { model: 3 } }]
])('%s makes a line no event', (_, body) => {
  expect(again({ time: 1, peer: 'a', ...body })).toBeUndefined()
})

test('nor is a number an event’s that JSON reads as infinite', () => {
  const finished = JSON.stringify({ time: 1, peer: 'a', type: 'finished', round: 7, parametersHash: HASH })
  expect(parseEvent(finished)).toBeDefined()
  expect(parseEvent(finished.replace('7', '1e999'))).toBeUndefined()
})
