import { describe, expect, it } from 'vitest'
import { exchangeStrategies, matrix } from './matrix.js'
import { MOMENTS } from './moments.js'
import { complaint, report } from './report.js'

/** Milliseconds for the victims of one blow, on a machine that is busy. */
const TIMEOUT = 120_000

/** These blows at every moment, to every peer, for every strategy; in a file for some of them, so that files share the processors. */
export async function matrixSuite(blows: readonly string[]): Promise<void> {
  describe.each(await exchangeStrategies())('%s', (strategy) => {
    const cases = matrix(strategy)

    describe.each(MOMENTS)('a peer %s', (moment) => {
      it.each(blows)(
        'is hit by: %s',
        async (blow) => {
          let hit = false
          for (const { scenario, index } of cases.filter((each) => each.moment === moment && each.blow === blow)) {
            const found = await report(scenario)
            expect(complaint(found, `pnpm test:faults --strategy ${strategy} --case ${index}`)).toBe('')
            hit ||= !found.missed
          }
          expect(hit, 'no peer ever comes to this moment').toBe(true)
        },
        TIMEOUT
      )
    })
  })
}
