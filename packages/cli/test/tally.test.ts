import type { RunEvent } from '@peergrad/core'
import { expect, test } from 'vitest'
import { isWhole } from '../src/outcome.js'
import { Tally } from '../src/tally.js'

type Body = Extract<RunEvent, { type: 'evaluated' | 'finished' | 'left' }>
type Without<T> = T extends unknown ? Omit<T, 'time' | 'peer'> : never

const ESTIMATE = { type: 'evaluated', round: 9, accuracy: 0.9, loss: 0.3, samples: 1000 } as const
const LAST = { type: 'evaluated', round: 9, accuracy: 0.95, loss: 0.2, samples: 10_000, last: true } as const
const FINISHED = { type: 'finished', round: 9, parametersHash: 'h' } as const

function result(events: readonly (readonly [peer: string, body: Without<Body>])[]) {
  const tally = new Tally()
  for (const [peer, body] of events) tally.add({ time: 0, peer, ...body } as RunEvent)
  return tally.result()
}

test('an estimate that comes late is not taken for the evaluation of the last model', () => {
  const { accuracy, evaluatedSamples, evaluated } = result([
    ['a', { ...ESTIMATE, round: 4, accuracy: 0.8 }],
    ['a', LAST],
    ['b', ESTIMATE]
  ])
  expect({ accuracy, evaluatedSamples, evaluated }).toEqual({
    accuracy: 0.95,
    evaluatedSamples: 10_000,
    evaluated: true
  })
})

test.each([
  [
    'one tried the last model for all',
    true,
    [
      ['a', LAST],
      ['b', FINISHED],
      ['a', FINISHED]
    ]
  ],
  [
    'who was to try it died',
    false,
    [
      ['a', ESTIMATE],
      ['b', FINISHED]
    ]
  ],
  ['nobody came to the end', false, [['a', LAST]]]
] as const)('%s: whole is %s', (_, whole, events) => {
  expect(isWhole(result(events))).toBe(whole)
})
