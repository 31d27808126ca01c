import { random } from '@peergrad/core'
import { describe, expect, it } from 'vitest'

describe('a random number below a bound', () => {
  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1])('cannot be had for %d', (bound) => {
    expect(() => random(1).below(bound)).toThrow(expect.objectContaining({ code: 'argument' }))
  })

  it.each([1, 2, 2 ** 32])('is one for %d', (bound) => {
    const value = random(1).below(bound)
    expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true)
  })
})
