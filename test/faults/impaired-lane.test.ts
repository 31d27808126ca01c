import { virtualClock } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { ImpairedLane, randomOf, type Effect } from './impaired-lane.mjs'

function laneWith(initial: Effect | undefined, seed = 1) {
  const clock = virtualClock()
  let effect = initial
  let drained = 0
  const arrived: { at: number; text: string }[] = []
  const lane = new ImpairedLane({
    effect: () => effect,
    random: randomOf(seed, 'test'),
    clock,
    drained: () => void drained++
  })
  return {
    clock,
    arrived,
    lane,
    drained: () => drained,
    send: (text: string) =>
      lane.push(Buffer.from(text), (piece) => arrived.push({ at: clock.now(), text: Buffer.from(piece).toString() })),
    change(next: Effect | undefined) {
      effect = next
      lane.refresh()
    }
  }
}

describe('an impaired lane', () => {
  it('without faults is not there', () => {
    const { lane, send, arrived } = laneWith(undefined)
    expect(lane.idle).toBe(true)
    send('now')
    expect(arrived).toEqual([{ at: 0, text: 'now' }])
  })

  it('delays each chunk, not the one after the other', () => {
    const { clock, send, arrived } = laneWith({ delay: 100 })
    send('one')
    clock.advance(30)
    send('two')
    clock.advance(69)
    expect(arrived).toEqual([])
    clock.advance(100)
    expect(arrived).toEqual([
      { at: 100, text: 'one' },
      { at: 130, text: 'two' }
    ])
  })

  it('draws jitter and loss from its seed, and keeps the order', () => {
    const schedule = (seed: number) => {
      const { clock, send, arrived } = laneWith({ delay: 10, jitter: 50, loss: 0.2 }, seed)
      for (let i = 0; i < 50; i++) {
        send(`${i}`)
        clock.advance(5)
      }
      clock.advance(1000)
      return arrived
    }
    expect(schedule(1)).toEqual(schedule(1))
    expect(schedule(1)).not.toEqual(schedule(2))
    const texts = schedule(3).map(({ text }) => text)
    expect(texts).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
    const late = schedule(4).filter(({ at, text }) => at > Number(text) * 5 + 60)
    expect(late.length).toBeGreaterThan(0)
  })

  it('is as slow as its rate, piece by piece, and asks for a pause', () => {
    const { clock, send, arrived, drained } = laneWith({ rate: 100_000 })
    expect(send('x'.repeat(50_000))).toBe(false)
    clock.advance(100)
    const early = arrived.reduce((sum, { text }) => sum + text.length, 0)
    expect(early).toBeGreaterThan(5000)
    expect(early).toBeLessThanOrEqual(10_000)
    expect(drained()).toBe(0)
    clock.advance(420)
    expect(arrived.reduce((sum, { text }) => sum + text.length, 0)).toBe(50_000)
    expect(arrived.at(-1)?.at).toBeGreaterThanOrEqual(500)
    expect(drained()).toBe(1)
  })

  it('that is blocked keeps everything, and lets it go when it is healed', () => {
    const { clock, send, arrived, change } = laneWith({ block: true })
    for (const text of ['one', 'two']) send(text)
    clock.advance(10_000)
    expect(arrived).toEqual([])
    change({ delay: 20 })
    clock.advance(25)
    expect(arrived.map(({ at, text }) => [at, text])).toEqual([
      [10_020, 'one'],
      [10_020, 'two']
    ])
    change({ block: true })
    send('three')
    clock.advance(500)
    expect(arrived).toHaveLength(2)
    change(undefined)
    expect(arrived.at(-1)).toEqual({ at: 10_525, text: 'three' })
  })

  it('brings an end behind what was sent before it', () => {
    const { clock, lane, send, arrived } = laneWith({ delay: 100 })
    send('last words')
    lane.push(new Uint8Array(0), () => arrived.push({ at: clock.now(), text: 'end' }))
    clock.advance(100)
    expect(arrived.map(({ text }) => text)).toEqual(['last words', 'end'])
  })
})
