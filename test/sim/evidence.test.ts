import { afterEach, describe, expect, it } from 'vitest'
import { spoilsOnce } from './spoils-once.js'
import { peerName, Simulation } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

describe('two contributions of one peer to one round', () => {
  it('are not made by a peer that takes the right state in the middle of a round', async () => {
    simulation = new Simulation({ rounds: 20 })
    // it has announced what it made of the wrong state before it hears that this is wrong, and the round still goes on
    const peers = [0, 1, 2, 3].map((index) =>
      simulation.start(peerName(index), index === 2 ? { disguise: spoilsOnce() } : { milliseconds: 500 })
    )
    simulation.network.impose({ delay: 40 }, (_from, to) => to === peerName(2))
    await simulation.results()
    const healed = peers[2].events.find(({ type }) => type === 'healed')
    expect(healed).toMatchObject({ round: 5 })
    for (const peer of peers) expect(peer.events.some(({ type }) => type === 'equivocated')).toBe(false)
  })
})
