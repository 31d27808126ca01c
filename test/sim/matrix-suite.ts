import { describe, expect, it } from 'vitest'
import { matrixStrategies, matrix } from './matrix.js'
import { MOMENTS, type Moment } from './moments.js'
import { complaint, report } from './report.js'

/** Milliseconds for the victims of one blow, on a machine that is busy. */
const TIMEOUT = 120_000

/** Moments at which what a strategy does differs from what another one does; the others are the runtime's. */
const OWN: readonly Moment[] = ['while-sending', 'half-of-the-bytes', 'while-reducing', 'after-aggregating']

/**
 * These blows at every moment, to every peer; in a file for some of them, so that files share the processors. A death in an
 * exchange is a matter of the architecture: at those moments every strategy loses who carries its first role. Whom else it loses,
 * and when, and what a peer that comes back or stands still does, is the runtime's: of these cases each is played with one strategy
 * in turn. All cases with all strategies are played by `pnpm test:faults`.
 */
export async function matrixSuite(blows: readonly string[]): Promise<void> {
  const strategies = await matrixStrategies()
  const hit = new Set<string>()

  describe.each(strategies)('%s', (strategy) => {
    const turn = strategies.indexOf(strategy)
    const cases = matrix(strategy).filter(({ moment, blow, index, victim }) => {
      if (blow === 'kill' && OWN.includes(moment) && (victim === 0 || victim > 3)) return true
      return index % strategies.length === turn
    })

    const casesOf = (moment: Moment, blow: string) =>
      cases.filter((each) => each.moment === moment && each.blow === blow)
    const playedAt = (moment: Moment) => blows.filter((blow) => casesOf(moment, blow).length > 0)

    describe.each(MOMENTS.filter((moment) => playedAt(moment).length > 0))('a peer %s', (moment) => {
      it.each(playedAt(moment))(
        'is hit by: %s',
        async (blow) => {
          for (const { scenario, index } of casesOf(moment, blow)) {
            const found = await report(scenario)
            expect(complaint(found, `pnpm test:faults --strategy ${strategy} --case ${index}`)).toBe('')
            if (!found.missed) hit.add(`${strategy} ${moment}`).add(moment)
          }
          if (blow === 'kill' && OWN.includes(moment))
            expect(hit, 'no peer ever comes to it').toContain(`${strategy} ${moment}`)
        },
        TIMEOUT
      )
    })
  })

  it('every moment comes to some peer', () => {
    expect(MOMENTS.filter((moment) => !hit.has(moment))).toEqual([])
  })
}
