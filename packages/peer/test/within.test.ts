import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { within } from '../src/network/within.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Collects garbage until the signal aborts. */
async function aborted(signal: AbortSignal): Promise<unknown> {
  const collecting = setInterval(collect, 5)
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  clearInterval(collecting)
  return signal.reason
}

it('a time that is over aborts, whatever garbage was collected meanwhile', async () => {
  expect(await aborted(within(100, new AbortController().signal))).toMatchObject({ name: 'TimeoutError' })
})

it('a signal that aborts earlier says why', async () => {
  const other = new AbortController()
  const reason = aborted(within(60_000, other.signal))
  other.abort('enough')
  expect(await reason).toBe('enough')
})
