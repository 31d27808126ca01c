import { describe, expect, it } from 'vitest'
import { onAbort, orAborted } from '../src/deferred.js'

describe('who waits for an abort', () => {
  it('hears of one that was before, but not until it has what ends that', async () => {
    const calls: string[] = []
    onAbort(AbortSignal.abort(), () => calls.push('heard'))
    const end = onAbort(AbortSignal.abort(), () => calls.push('ended'))
    end()
    expect(calls).toEqual([])
    await Promise.resolve()
    expect(calls).toEqual(['heard'])
  })

  it('hears of it once', async () => {
    const abort = new AbortController()
    const calls: string[] = []
    onAbort(abort.signal, () => calls.push('heard'))
    abort.abort()
    await Promise.resolve()
    expect(calls).toEqual(['heard'])
  })

  it('does not hear of it after another one, which heard first, has ended that', () => {
    const abort = new AbortController()
    const calls: string[] = []
    onAbort(abort.signal, () => end())
    const end = onAbort(abort.signal, () => calls.push('heard'))
    abort.abort()
    expect(calls).toEqual([])
  })

  it('is told so, whatever else is settled by then', async () => {
    await expect(orAborted(Promise.resolve(1), AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
  })
})
