import { describe, expect, it } from 'vitest'
import { peerName, Simulation } from './swarm.js'

/** Virtual milliseconds that the round of a death may last after the return, besides its gradient. */
const MOMENT = 5000
const moments = (first: number, step: number) => Array.from({ length: 20 }, (_, index) => first + index * step)

/** A gradient takes so long, and every part of a round is hit by a death so long after its begin, in milliseconds. */
const rounds: [milliseconds: number, deaths: number[]][] = [
  [20, moments(0, 3)],
  // whoever is back hears of the old proposal while it still computes
  [1500, moments(1498, 0.5)]
]

describe.each(rounds)('two peers, gradients of %i ms', (milliseconds, deaths) => {
  it.each([
    [0, 100],
    [0, 3000],
    [1, 100],
    [1, 3000]
  ])('peer %i dies and is back after %i ms: the round goes on at once', async (victim, gap) => {
    for (const death of deaths) {
      // with its momentum gone the next process gives something else than the one that died
      const simulation = new Simulation({ peers: 2, rounds: 6, deadline: 30_000, workerMomentum: 0.9 })
      const start = (index: number) => simulation.start(peerName(index), { milliseconds })
      const other = [start(0), start(1)][1 - victim]!
      const ended = () => other.events.filter(({ type }) => type === 'round').length
      await simulation.when(() => ended() === 3)
      simulation.clock.after(death, () => simulation.kill(peerName(victim)))
      await simulation.when(() => !simulation.peers.has(peerName(victim)))
      simulation.clock.after(gap, () => start(victim))
      await simulation.when(() => simulation.peers.has(peerName(victim)))
      const [returned, before] = [simulation.clock.now(), ended()]
      await simulation.when(() => ended() > before)
      const at = `death at ${death} ms`
      expect(simulation.clock.now() - returned, at).toBeLessThan(MOMENT + milliseconds)
      const results = await simulation.results()
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size, at).toBe(1)
      simulation.stop()
    }
  })
})
