import { virtualClock } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('a virtual clock', () => {
  const timers = fc.array(fc.record({ delay: fc.nat(20), cancelled: fc.boolean() }), { maxLength: 200 })

  it('calls back in the order of time and then of registration, and not what was cancelled', () => {
    fc.assert(
      fc.property(timers, (wanted) => {
        const clock = virtualClock()
        const called: { index: number; at: number }[] = []
        const cancels = wanted.map(({ delay }, index) =>
          clock.after(delay, () => called.push({ index, at: clock.now() }))
        )
        for (const [index, { cancelled }] of wanted.entries()) if (cancelled) cancels[index]()
        const expected = wanted
          .map(({ delay, cancelled }, index) => ({ index, at: delay, cancelled }))
          .filter(({ cancelled }) => !cancelled)
          .sort((a, b) => a.at - b.at || a.index - b.index)
          .map(({ index, at }) => ({ index, at }))
        expect(clock.pending).toBe(expected.length)
        while (clock.next !== undefined) clock.step()
        expect(called).toEqual(expected)
        expect(clock.pending).toBe(0)
      })
    )
  })

  it('forgets timers that are cancelled by the ten thousand, and calls the others still', () => {
    const clock = virtualClock()
    const called: number[] = []
    const delay = (i: number) => 100 + ((i * 7919) % 9973)
    const kept = Array.from({ length: 500 }, (_, index) => 100 * index + 5)
    for (let i = 0; i < 50_000; i++) {
      const cancel = clock.after(delay(i), () => called.push(i))
      if (i % 100 !== 5) cancel()
    }
    clock.advance(20_000)
    expect(called).toEqual(kept.sort((a, b) => delay(a) - delay(b) || a - b))
  })

  it('calls all that is due at one time in one turn, with what is added for the same time', () => {
    const clock = virtualClock()
    const called: string[] = []
    clock.after(5, () => {
      called.push('first')
      clock.after(0, () => called.push('added'))
    })
    clock.after(5, () => called.push('second'))
    clock.after(6, () => called.push('later'))
    expect(clock.turn()).toBe(3)
    expect(called).toEqual(['first', 'second', 'added'])
    expect(clock.now()).toBe(5)
    expect([clock.turn(), clock.turn()]).toEqual([1, 0])
  })
})
