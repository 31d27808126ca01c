import { describe, expect, it } from 'vitest'
import { BLOWS, exchangeStrategies, matrix } from './matrix.js'
import { MOMENTS } from './moments.js'
import { complaint, report } from './report.js'

describe.each(await exchangeStrategies())('%s', (strategy) => {
  const cases = matrix(strategy)

  describe.each(MOMENTS)('a peer %s', (moment) => {
    it.each(Object.keys(BLOWS))('is hit by: %s', async (blow) => {
      for (const { scenario, index } of cases.filter((each) => each.moment === moment && each.blow === blow)) {
        const found = await report(scenario)
        expect(complaint(found, `pnpm test:faults --strategy ${strategy} --case ${index}`)).toBe('')
      }
    })
  })

  it('is hit at each of these moments', async () => {
    const blow = Object.keys(BLOWS)[0]
    for (const moment of MOMENTS) {
      const reports = []
      for (const each of cases)
        if (each.moment === moment && each.blow === blow) reports.push(await report(each.scenario))
      expect(
        reports.some(({ missed }) => !missed),
        moment
      ).toBe(true)
    }
  })
})
