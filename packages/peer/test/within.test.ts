import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it, vi } from 'vitest'
import { within } from '../src/network/within.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

afterEach(() => void vi.useRealTimers())

/** Collects garbage until the signal aborts. */
async function aborted(signal: AbortSignal): Promise<unknown> {
  const collecting = setInterval(collect, 5)
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  clearInterval(collecting)
  return signal.reason
}

it('a time that is over aborts, whatever garbage was collected meanwhile', async () => {
  expect(await within(100, new AbortController().signal, aborted)).toMatchObject({ name: 'TimeoutError' })
})

it('a signal that aborts earlier says why', async () => {
  const other = new AbortController()
  const reason = within(60_000, other.signal, aborted)
  other.abort('enough')
  expect(await reason).toBe('enough')
})

it.each([
  ['is done', () => Promise.resolve()],
  ['failed', () => Promise.reject(new Error('on purpose'))]
])('nothing waits for the time of work that %s', async (_how, work) => {
  vi.useFakeTimers()
  const settled = within(60_000, new AbortController().signal, work)
  expect(vi.getTimerCount()).toBe(1)
  await settled.catch(() => undefined)
  expect(vi.getTimerCount()).toBe(0)
})
