import { BEAT_LIMIT, decodeBeat, encodeBeat, PeergradError, type Beat } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const hex = (digits: number) =>
  fc.uint8Array({ minLength: digits / 2, maxLength: digits / 2 }).map((bytes) => Buffer.from(bytes).toString('hex'))

describe('beats', () => {
  it('come out as they went in, and fit the mesh', () => {
    const beats: fc.Arbitrary<Beat> = fc.record({
      stateful: fc.boolean(),
      confirmed: fc.boolean(),
      round: fc.nat(0xffff_ffff),
      hash: hex(64),
      plan: hex(16)
    })
    fc.assert(
      fc.property(beats, (beat) => {
        const bytes = encodeBeat(beat)
        expect(bytes.byteLength).toBeLessThanOrEqual(BEAT_LIMIT)
        expect(decodeBeat(bytes)).toEqual(beat)
      })
    )
  })

  it('are refused when they are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeBeat(bytes)
          return bytes.byteLength === 48 && bytes[0] === 1
        } catch (thrown) {
          return thrown instanceof PeergradError && thrown.code === 'corrupt'
        }
      })
    )
    expect(() => encodeBeat({ stateful: true, confirmed: true, round: 0, hash: 'x', plan: '' })).toThrow(
      expect.objectContaining({ code: 'argument' })
    )
  })
})
