import { type GradientStore } from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

describe('two contributions of one peer to one round', () => {
  it('are not made by a peer that takes the right state in the middle of a round', async () => {
    let spoiled = false
    const spoilsOnce: Disguise = {
      store: (honest: GradientStore) =>
        replace(honest, {
          applyUpdate: async (request) => {
            const spoil = request.step === 5 && !spoiled
            spoiled ||= spoil
            return honest.applyUpdate(spoil ? { ...request, learningRate: 2 * request.learningRate } : request)
          }
        })
    }
    simulation = new Simulation({ rounds: 20 })
    // it has announced what it made of the wrong state before it hears that this is wrong, and the round still goes on
    const peers = [0, 1, 2, 3].map((index) =>
      simulation.start(peerName(index), index === 2 ? { disguise: spoilsOnce } : { milliseconds: 500 })
    )
    simulation.network.impose({ delay: 40 }, (_from, to) => to === peerName(2))
    await simulation.results()
    const healed = peers[2].events.find(({ type }) => type === 'healed')
    expect(healed).toMatchObject({ round: 5 })
    for (const peer of peers) expect(peer.events.some(({ type }) => type === 'equivocated')).toBe(false)
  })
})
