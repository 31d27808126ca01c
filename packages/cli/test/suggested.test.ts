import { expect, test } from 'vitest'
import { Timings } from '../src/suggested.js'

test('suggests three times the longest that was measured, in whole seconds and at least one', () => {
  const timings = new Timings()
  expect(timings.suggested).toBeUndefined()
  timings.add({ compute: 200, average: 20, wait: 60_000, fetch: 10, update: 5 })
  expect(timings.suggested).toEqual({ deadline: 1, grace: 1 })
  timings.add({ compute: 4000, average: 100, fetch: 900, aggregate: 300, update: 200 })
  timings.add({ compute: 100, fetch: 10 })
  expect(timings.suggested).toEqual({ deadline: 13, grace: 5 })
})
