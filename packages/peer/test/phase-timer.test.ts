import { virtualClock, type Phase } from '@peergrad/core'
import { expect, it } from 'vitest'
import { deferred } from '../src/deferred.js'
import { PhaseTimer } from '../src/runtime/phase-timer.js'

/** A timer, a clock for it, and works that last until they are told to end. */
function timing() {
  const clock = virtualClock()
  const told: Phase[] = []
  const timer = new PhaseTimer(clock, (phase) => told.push(phase))
  const begin = (phase: Phase) => {
    const over = deferred<void>()
    const work = timer.measure(phase, () => over.promise)
    return async () => {
      over.resolve()
      await work
    }
  }
  return { clock, timer, told, begin }
}

it('counts gradients that are computed at once once', async () => {
  const { clock, timer, begin } = timing()
  const first = begin('compute')
  clock.advance(10)
  const second = begin('compute')
  clock.advance(20)
  await first()
  clock.advance(5)
  expect(timer.times).toEqual({ compute: 35 })
  await second()
  clock.advance(100)
  await begin('compute')()
  expect(timer.times).toEqual({ compute: 35 })
})

it('gives each phase its own time where one gradient is stored while another is computed', async () => {
  const { clock, timer, told, begin } = timing()
  const [first, second] = [begin('compute'), begin('compute')]
  clock.advance(10)
  await first()
  const stored = begin('store')
  clock.advance(4)
  await second()
  clock.advance(3)
  await stored()
  expect(timer.times).toEqual({ compute: 14, store: 7 })
  // in the one that began first, until it is over
  expect(told.filter((phase, i) => phase !== told[i - 1])).toEqual(['compute', 'store'])
})

it('counts a work that fails', async () => {
  const { clock, timer } = timing()
  const work = timer.measure('fetch', async () => {
    clock.advance(9)
    throw new RangeError('on purpose')
  })
  await expect(work).rejects.toThrow('on purpose')
  expect(timer.times).toEqual({ fetch: 9 })
})
