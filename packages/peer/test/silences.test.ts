import { describe, expect, it } from 'vitest'
import { Silences } from '../src/network/silences.js'

describe('a silent connection', () => {
  /** What each look told; a look each second, `beats` heard just before it. */
  function looks(times: readonly number[], beats: (now: number) => readonly string[]): string[] {
    const silences = new Silences(1000, 0)
    return times.flatMap((now) => {
      for (const peer of beats(now)) silences.heard(peer, now)
      return silences.look(now).map((peer) => `${peer} ${now}`)
    })
  }
  const seconds = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => (from + i) * 1000)

  it('is told once, ten seconds after the last beat', () => {
    expect(looks(seconds(1, 60), (now) => (now <= 5000 ? ['a', 'b'] : ['b']))).toEqual(['a 15000'])
  })

  it('is none when no beat ever came', () => {
    expect(looks(seconds(1, 60), () => [])).toEqual([])
  })

  it('is none while this thread stood still: what came meanwhile is not read yet', () => {
    const beats = (now: number) => (now <= 5000 || now === 66_000 ? ['a'] : [])
    expect(looks([...seconds(1, 5), ...seconds(65, 90)], beats)).toEqual(['a 76000'])
  })

  it('is forgotten with the connection', () => {
    const silences = new Silences(1000, 0)
    silences.heard('a', 0)
    silences.forget('a')
    expect(silences.look(1000)).toEqual([])
    expect(silences.look(2000)).toEqual([])
    expect(seconds(3, 20).flatMap((now) => silences.look(now))).toEqual([])
  })
})
