import { PeergradError } from '@peergrad/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Leaving } from '../src/peer/leaving.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const asked = new PeergradError('aborted', 'stopped by SIGINT')

test('leaves, gives up when the grace is over, and then ends the process', () => {
  const exit = vi.fn()
  const leaving = new Leaving(exit)
  const state = () => [leaving.leave.aborted, leaving.giveUp.aborted, exit.mock.calls.length]
  expect(state()).toEqual([false, false, 0])
  leaving.start(asked)
  expect([state(), leaving.leave.reason]).toEqual([[true, false, 0], asked])
  vi.advanceTimersByTime(3999)
  expect(state()).toEqual([true, false, 0])
  vi.advanceTimersByTime(1)
  expect([state(), leaving.giveUp.reason]).toEqual([[true, true, 0], asked])
  vi.runAllTimers()
  expect(state()).toEqual([true, true, 1])
})

test('has one grace, however often it is asked', () => {
  const exit = vi.fn()
  const leaving = new Leaving(exit)
  leaving.start(asked)
  vi.advanceTimersByTime(3000)
  leaving.start(new PeergradError('aborted', 'again'))
  vi.advanceTimersByTime(1000)
  expect([leaving.giveUp.aborted, leaving.giveUp.reason]).toEqual([true, asked])
  vi.runAllTimers()
  expect(exit).toHaveBeenCalledTimes(1)
})
