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
  leaving.start(asked, 'leave')
  expect([state(), leaving.leave.reason]).toEqual([[true, false, 0], asked])
  vi.advanceTimersByTime(1499)
  expect(state()).toEqual([true, false, 0])
  vi.advanceTimersByTime(1)
  expect([state(), leaving.giveUp.reason]).toEqual([[true, true, 0], asked])
  vi.runAllTimers()
  expect(state()).toEqual([true, true, 1])
})

test('has one grace, however often it is asked', () => {
  const exit = vi.fn()
  const leaving = new Leaving(exit)
  leaving.start(asked, 'leave')
  vi.advanceTimersByTime(1000)
  leaving.start(new PeergradError('aborted', 'again'), 'stop')
  vi.advanceTimersByTime(500)
  expect([leaving.giveUp.aborted, leaving.giveUp.reason]).toEqual([true, asked])
  vi.runAllTimers()
  expect(exit).toHaveBeenCalledTimes(1)
})

test('stops with all others: nobody is told, and the same grace is given', () => {
  const leaving = new Leaving(vi.fn())
  leaving.start(asked, 'stop')
  expect([leaving.leave.aborted, leaving.stop.aborted, leaving.ends.aborted]).toEqual([false, true, true])
  vi.advanceTimersByTime(1500)
  expect(leaving.giveUp.aborted).toBe(true)
})
