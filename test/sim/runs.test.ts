import { afterEach, describe, expect, it } from 'vitest'
import { peerName, Simulation } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

describe.each(['spirt', 'all-reduce'])('%s on the in-memory mesh', (strategy) => {
  it.each([
    // 1,496 parameters, and 4 buffers as they are
    ['f16', 6000 / 3008],
    ['int8', 6000 / 1520]
  ])('packs what travels by %s, and all still hold the same', async (codec, smaller) => {
    const bytes: number[] = []
    for (const used of ['f32', codec]) {
      simulation = new Simulation({ strategy, codec: used })
      simulation.startAll()
      const results = await simulation.results()
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      bytes.push(results[0].tensorBytesSent)
      simulation.stop()
    }
    expect(bytes[0] / bytes[1]).toBeCloseTo(smaller, 9)
  })
})

describe('membership', () => {
  it('takes a newcomer in while the run goes on', async () => {
    simulation = new Simulation({ peers: 3, rounds: 60 })
    const [first] = simulation.startAll()
    await simulation.when(() => first.events.some((event) => event.type === 'round' && event.round === 5))
    const newcomer = simulation.start(peerName(3))
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.every(({ members }) => members.length === 4)).toBe(true)
    expect(newcomer.events.some((event) => event.type === 'healed')).toBe(true)
  })

  it('lets a peer leave in order', async () => {
    simulation = new Simulation({ rounds: 30 })
    const peers = simulation.startAll()
    await simulation.when(() => peers[0].events.some((event) => event.type === 'round' && event.round === 5))
    peers[0].leave.abort()
    const results = await simulation.results()
    expect(results.map(({ status }) => status).sort()).toEqual(['finished', 'finished', 'finished', 'left'])
    const finished = results.filter(({ status }) => status === 'finished')
    expect(new Set(finished.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  })

  it('trains alone with local', async () => {
    simulation = new Simulation({ peers: 1, strategy: 'local' })
    const [peer] = simulation.startAll()
    const [result] = await simulation.results()
    const phases = peer.events.flatMap((event) => (event.type === 'round' ? Object.keys(event.phases) : []))
    expect([...new Set(phases)].sort()).toEqual(['agree', 'average', 'compute', 'store', 'update', 'wait'])
    expect(result.rounds).toBe(12)
    expect(result.bytesSent).toBe(0)
  })
})

describe('the phases of a round', () => {
  it('hold all of its time, from the first gradient to the decision', async () => {
    simulation = new Simulation({ rounds: 3 }, { latency: () => 30 })
    const peers = simulation.startAll()
    await simulation.results()
    for (const { events } of peers)
      for (const event of events) {
        if (event.type !== 'round') continue
        const sum = Object.values(event.phases).reduce((total, each) => total + each, 0)
        expect(sum).toBeCloseTo(event.seconds * 1000, 6)
        // the votes of the others are on their way when it gives its own, or a moment later
        expect(event.phases.agree).toBeGreaterThanOrEqual(30)
        expect(event.phases.agree).toBeLessThanOrEqual(60)
      }
  })
})
