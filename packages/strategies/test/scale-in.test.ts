import type { RoundRecord, View } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { fitLoss, fitLossSinceRemoval } from '../dist/architectures/loss-curve.js'
import { scaleIn } from '../dist/architectures/scale-in.js'

const view = (members: number): View => ({ number: 0, members: Array.from({ length: members }, (_, i) => `peer-${i}`) })

/** Rounds of half a second with these losses. */
const rounds = (losses: readonly number[], members = 4, from = 0): RoundRecord[] =>
  losses.map((loss, at) => ({ round: from + at, loss, members, milliseconds: 500 }))

const curve = (t: number) => 1 / (0.2 * t ** 0.75 + 0.5) + 0.1
const falling = Array.from({ length: 40 }, (_, i) => curve(i + 1))
const flat = (count: number, loss = 0.3) => new Array<number>(count).fill(loss)

describe('loss curves', () => {
  it('of the form that is fitted are found again, also where they were not seen', () => {
    const fitted = fitLoss(falling)!
    for (const t of [1, 20, 40, 80]) expect(fitted(t)).toBeCloseTo(curve(t), 1)
  })

  it('since a removal are of the second form', () => {
    const second = (t: number) => 1 / (0.001 * t ** 2 + 0.05 * t + 1)
    const fitted = fitLossSinceRemoval(Array.from({ length: 30 }, (_, i) => second(i + 1)))!
    for (const t of [1, 30, 50]) expect(fitted(t)).toBeCloseTo(second(t), 2)
  })

  it('need something to fit', () => {
    expect(fitLoss([])).toBeUndefined()
  })
})

describe('scale-in', () => {
  const retire = scaleIn({ tolerance: 0.15, horizon: 10, interval: 20 })

  it('lets nobody go before the knee', () => {
    expect(retire({ view: view(4), history: rounds(Array.from({ length: 100 }, (_, i) => 10 - 0.1 * i)) })).toEqual([])
  })

  it('lets the last by rank go once the loss has been flat for the interval', () => {
    const losses = [...Array.from({ length: 20 }, (_, i) => 2 - 0.08 * i), ...flat(20)]
    expect(retire({ view: view(4), history: rounds(losses) })).toEqual([])
    expect(retire({ view: view(4), history: rounds([...losses, ...flat(140)]) })).toEqual(['peer-3'])
  })

  it('lets another one go only while the loss stays as low as it was to be', () => {
    const before = rounds([...falling, ...flat(90, curve(40))])
    const after = (loss: number) => [...before, ...rounds(flat(50, loss), 3, before.length)]
    expect(retire({ view: view(3), history: after(curve(60)) })).toEqual(['peer-2'])
    expect(retire({ view: view(3), history: after(2 * curve(40)) })).toEqual([])
  })

  it('holds a loss against what all peers would have by now, which goes on falling after the knee', () => {
    const slow = (t: number) => 1 / (0.02 * t + 0.5)
    const all = rounds(Array.from({ length: 1600 }, (_, t) => slow(t)))
    const after = (loss: number) => [...all, ...rounds(flat(50, loss), 3, all.length)]
    expect(retire({ view: view(3), history: after(slow(1670)) })).toEqual(['peer-2'])
    expect(retire({ view: view(3), history: after(2.01 * slow(1670)) })).toEqual([])
  })

  it('keeps the knee, and what it predicts, when rounds around it are forgotten', () => {
    const tuner = scaleIn({ tolerance: 0.15, horizon: 10, interval: 20 })
    const slow = (t: number) => 1 / (0.02 * t + 0.5)
    const all = rounds(Array.from({ length: 1600 }, (_, t) => slow(t)))
    expect(tuner({ view: view(4), history: all })).toEqual(['peer-3'])
    const after = (loss: number) => [...all.slice(0, 300), ...rounds(flat(50, loss), 3, all.length)]
    expect(tuner({ view: view(3), history: after(slow(1670)) })).toEqual(['peer-2'])
    expect(tuner({ view: view(3), history: after(2.01 * slow(1670)) })).toEqual([])
  })

  it('keeps one peer', () => {
    expect(retire({ view: view(1), history: rounds(flat(200)) })).toEqual([])
  })
})
