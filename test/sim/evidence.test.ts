import { controlMessages, type GradientStore, type Mesh } from '@peergrad/core'
import { verifyEnvelope } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

describe('two contributions of one peer to one round', () => {
  it('are kept as signed by whoever saw both, count once at most, and the round goes on', async () => {
    const equivocates: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          announce: async (payload) => {
            await honest.announce(payload)
            const message = controlMessages.decode(payload)
            if (message.kind !== 'manifest' || message.round !== 4) return
            await honest.announce(controlMessages.encode({ ...message, digest: 'e'.repeat(64) }))
          }
        })
    }
    simulation = new Simulation({ rounds: 10, deadline: 500 })
    const peers = simulation.startAll({ 2: equivocates })
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    for (const honest of [0, 1, 3]) {
      const found = peers[honest].events.flatMap((event) => (event.type === 'equivocated' ? [event] : []))
      expect(found).toMatchObject([{ other: peerName(2), round: 4 }])
      const [first, second] = found[0]!.envelopes.map((text) => controlMessages.decode(Buffer.from(text, 'base64')))
      expect([first, second]).toMatchObject([
        { kind: 'manifest', round: 4 },
        { kind: 'manifest', round: 4, digest: 'e'.repeat(64) }
      ])
    }
    // the network in memory signs nothing; over libp2p what is kept is the signed envelope
    expect(() => verifyEnvelope(new Uint8Array(10))).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })

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
