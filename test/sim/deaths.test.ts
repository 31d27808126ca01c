import { describe, expect, it } from 'vitest'
import { exchangeStrategies } from './matrix.js'
import { peerName, Simulation } from './swarm.js'

/** Virtual milliseconds after the third round's end at which a peer dies: every part of a round is hit. */
const MOMENTS = Array.from({ length: 24 }, (_, index) => index * 3)

const strategies = await exchangeStrategies()

describe.each(strategies)('%s: a peer dies at any moment of a round', (strategy) => {
  // each strategy dies in its own eighth of them; in all named ones it does in the matrix
  const moments = MOMENTS.filter((_, index) => index % 8 === strategies.indexOf(strategy) % 8)

  it.each([0, 1, 2, 3])('peer %i', async (victim) => {
    for (const moment of moments) {
      const simulation = new Simulation({ strategy, rounds: 6 })
      const peers = simulation.startAll()
      const witness = peers[(victim + 1) % 4]
      await simulation.when(() => witness.events.some((event) => event.type === 'round' && event.round === 2))
      simulation.clock.after(moment, () => simulation.kill(peerName(victim)))
      await simulation.when(() => !simulation.peers.has(peerName(victim)))
      const results = await simulation.results()
      const at = `death at ${moment} ms`
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size, at).toBe(1)
      expect(
        results.map(({ rounds }) => rounds),
        at
      ).toEqual([6, 6, 6])
      simulation.stop()
    }
  })
})
