import { describe, expect, it } from 'vitest'
import { exchangeStrategies } from './matrix.js'
import { complaint, report } from './report.js'
import { schedule } from './schedule.js'

const strategies = await exchangeStrategies()

/** Any will do: these are run each time, a thousand others by `pnpm test:faults`. */
const SEEDS = Array.from({ length: 32 }, (_, seed) => seed)

describe('random faults', () => {
  it.each(SEEDS)('seed %i', async (seed) => {
    expect(complaint(await report(schedule(seed, strategies)), `pnpm test:faults --seed ${seed}`)).toBe('')
  })

  it('are the same for the same seed, to the last event', async () => {
    const [first, again, other] = [7, 7, 8].map((seed) => schedule(seed, strategies))
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    expect((await report(again)).timeline).toEqual((await report(first)).timeline)
  })
})
