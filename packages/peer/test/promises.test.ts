import type { Proposal } from '@peergrad/core'
import { expect, it } from 'vitest'
import { Promises } from '../src/runtime/agreement/promises.js'

const proposal = (...members: string[]): Proposal => ({
  contributions: [],
  members,
  retired: [],
  evidence: [],
  finish: false
})
const [P, Q] = [proposal('a', 'b'), proposal('a')]

/** Of so many members these promise in turn, from `a` on: null, or what each accepted. */
function promised(members: number, accepted: readonly (readonly [number, Proposal, string] | null)[]): Promises {
  const promises = new Promises(members, JSON.stringify)
  for (const [index, held] of accepted.entries()) {
    const [ballot, proposal, outcome] = held ?? []
    promises.add(String.fromCharCode(97 + index), {
      kind: 'promise',
      ballot: 9,
      accepted: held === null ? null : { ballot: ballot!, proposal: proposal!, outcome: outcome! }
    })
  }
  return promises
}

it('what a majority can have accepted, with those that are silent, may be decided', () => {
  expect(promised(5, [[0, P, 'x'], null, null]).earlier()).toMatchObject({ outcome: 'x', holders: new Set(['a']) })
  expect(promised(5, [[0, P, 'x'], null, null, null]).earlier()).toBeUndefined()
  expect(promised(5, [[0, P, 'x'], null, null, [0, P, 'x']]).earlier()).toMatchObject({ holders: new Set(['a', 'd']) })
})

it('of two that may be, the one of the highest ballot is', () => {
  expect(
    promised(3, [
      [1, P, 'x'],
      [2, Q, 'y']
    ]).earlier()
  ).toMatchObject({ outcome: 'y' })
  expect(
    promised(3, [
      [2, P, 'x'],
      [1, Q, 'y']
    ]).earlier()
  ).toMatchObject({ outcome: 'x' })
  // one that cannot be does not hide one that can
  expect(promised(5, [[1, P, 'x'], [1, P, 'x'], [2, Q, 'y'], null]).earlier()).toMatchObject({ outcome: 'x' })
})

it('one value that is accepted in several ballots is one', () => {
  expect(promised(5, [[0, P, 'x'], [3, P, 'x'], [2, Q, 'y'], null]).earlier()).toMatchObject({ outcome: 'x' })
})

it('two outcomes of one exchange are unknown while each may have a majority', () => {
  const torn = [
    [0, P, 'x'],
    [0, P, 'y']
  ] as const
  expect(promised(3, torn).earlier()).toBe('unknown')
  expect(promised(3, [...torn, [0, P, 'y']]).earlier()).toMatchObject({ outcome: 'y', holders: new Set(['b', 'c']) })
})

it('one outcome of two proposals is two values', () => {
  expect(promised(5, [[0, P, 'x'], [0, Q, 'x'], null, null]).earlier()).toBeUndefined()
})
