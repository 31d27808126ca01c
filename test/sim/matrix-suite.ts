import { describe, expect, it } from 'vitest'
import { exchangeStrategies, matrix } from './matrix.js'
import { MOMENTS } from './moments.js'
import { complaint, report } from './report.js'

/** Milliseconds for the victims of one blow, on a machine that is busy. */
const TIMEOUT = 120_000

/**
 * These blows at every moment, to every peer; in a file for some of them, so that files share the processors. A death is
 * a matter of the architecture, so every strategy goes through all of them. What a peer that comes back or stands still
 * does is the runtime's: of these cases each is played with one strategy in turn, and with all by `pnpm test:faults`.
 */
export async function matrixSuite(blows: readonly string[]): Promise<void> {
  const strategies = await exchangeStrategies()

  describe.each(strategies)('%s', (strategy) => {
    const turn = strategies.indexOf(strategy)
    const cases = matrix(strategy).filter(({ blow, index }) => blow === 'kill' || index % strategies.length === turn)

    describe.each(MOMENTS)('a peer %s', (moment) => {
      const casesOf = (blow: string) => cases.filter((each) => each.moment === moment && each.blow === blow)

      it.each(blows.filter((blow) => casesOf(blow).length > 0))(
        'is hit by: %s',
        async (blow) => {
          let hit = false
          for (const { scenario, index } of casesOf(blow)) {
            const found = await report(scenario)
            expect(complaint(found, `pnpm test:faults --strategy ${strategy} --case ${index}`)).toBe('')
            hit ||= !found.missed
          }
          if (blow === 'kill') expect(hit, 'no peer ever comes to this moment').toBe(true)
        },
        TIMEOUT
      )
    })
  })
}
