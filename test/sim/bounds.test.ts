import { controlMessages, type ControlMessage, type Engine, type Mesh } from '@peergrad/core'
import type { SimulatedMesh } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const LIAR = 2

/** Its gradients are a hundred times too long. */
const huge: Disguise = {
  engine: (honest: Engine) =>
    replace(honest, {
      gradient: async (request) => {
        const result = await honest.gradient(request)
        for (let i = 0; i < request.into.length; i++) request.into[i] *= 100
        return result
      }
    })
}

/** Changes what it says of its contribution. */
const says = (change: Partial<Extract<ControlMessage, { kind: 'manifest' }>>): Disguise => ({
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        const message = controlMessages.decode(payload)
        await honest.announce(message.kind === 'manifest' ? controlMessages.encode({ ...message, ...change }) : payload)
      }
    })
})

/** Says everything that it ever said again, each time that it says something. */
const repeats: Disguise = {
  mesh: (honest: Mesh) => {
    const said: Uint8Array[] = []
    return replace(honest, {
      announce: async (payload) => {
        said.push(payload)
        for (const old of said.slice(-40)) await honest.announce(old)
      }
    })
  }
}

const others = (peers: SimulatedPeer[]) => peers.filter((_, index) => index !== LIAR)
const contributors = (peers: SimulatedPeer[]) =>
  peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'round' ? event.contributors : [])))
const offences = (peers: SimulatedPeer[]) =>
  peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'refused' ? [event.offence] : [])))

describe.each(['spirt', 'all-reduce', 'scatter-reduce'])('%s with a bound on norms', (strategy) => {
  it('leaves out what is above it, at all peers, and keeps its sender', async () => {
    const losses: number[] = []
    for (const maxNorm of [0, 1000]) {
      simulation = new Simulation({ strategy, rounds: 6, maxNorm, deadline: 500 })
      const peers = simulation.startAll({ [LIAR]: huge })
      const results = await simulation.until(Promise.all(others(peers).map(({ result }) => result)))
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      expect(results[0].rounds).toBe(6)
      expect(contributors(others(peers)).includes(peerName(LIAR))).toBe(maxNorm === 0)
      expect(offences(others(peers)).includes('norm')).toBe(maxNorm > 0)
      expect(results[0].members).toHaveLength(4)
      losses.push(results[0].loss ?? NaN)
      simulation.stop()
    }
    const [unbounded, bounded] = losses
    expect(bounded).toBeLessThan(1)
    expect(unbounded).toBeGreaterThan(10 * bounded)
  })
})

describe('a peer that says more than is true of what it gives', () => {
  it.each<[string, Disguise, string]>([
    ['samples that it cannot have read', says({ samples: 0xffff_ffff }), 'malformed'],
    ['another length than the model has', says({ length: 999 }), 'wrong-length']
  ])('%s: it is left out and told on, and the data of the others stays as it is', async (_what, disguise, offence) => {
    simulation = new Simulation({ rounds: 6, deadline: 300 })
    const peers = simulation.startAll({ [LIAR]: disguise })
    const results = await simulation.until(Promise.all(others(peers).map(({ result }) => result)))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(contributors(others(peers))).not.toContain(peerName(LIAR))
    expect(offences(others(peers))).toContain(offence)
    const samples = others(peers).flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'round' ? [event.samples] : []))
    )
    expect(new Set(samples)).toEqual(new Set([3 * 8]))
  })
})

describe('a peer that repeats', () => {
  it('what it said in earlier rounds changes nothing', async () => {
    const hashes = []
    for (const disguise of [{}, repeats]) {
      simulation = new Simulation({ rounds: 12 })
      const peers = simulation.startAll({ [LIAR]: disguise })
      const results = await simulation.results()
      expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
      for (const { events, mesh } of peers) {
        expect(events.some(({ type }) => type === 'equivocated' || type === 'excluded')).toBe(false)
        expect((mesh as SimulatedMesh).offences ?? []).toEqual([])
        for (const event of events)
          if (event.type === 'round') expect(new Set(event.contributors).size).toBe(event.contributors.length)
      }
      hashes.push(results[0].parametersHash)
      simulation.stop()
    }
    expect(hashes[0]).toBe(hashes[1])
  })

  it('what was signed in another training of the same run is not listened to', async () => {
    const scopes: string[] = []
    for (const training of [1, 2]) {
      simulation = new Simulation({ rounds: 8 }, { seed: training })
      if (training === 2) simulation.clock.advance(1000)
      const again: Disguise = {
        mesh: (honest: Mesh) =>
          replace(honest, {
            announce: async (payload) => {
              const message = controlMessages.decode(payload)
              if (training === 1) scopes.push(message.run)
              // what it said then, which now would be a contradiction, or a leave that nobody meant
              else {
                const old = { ...message, run: scopes[0] }
                await honest.announce(controlMessages.encode(old.kind === 'manifest' ? { ...old, samples: 1 } : old))
                await honest.announce(controlMessages.encode({ kind: 'leave', run: scopes[0], round: 0 }))
              }
              await honest.announce(payload)
            }
          })
      }
      const peers = simulation.startAll({ [LIAR]: again })
      const results = await simulation.results()
      expect(results.map(({ members }) => members.length)).toEqual([4, 4, 4, 4])
      for (const { events } of peers)
        expect(events.some(({ type }) => type === 'equivocated' || type === 'lost')).toBe(false)
      simulation.stop()
    }
    expect(new Set(scopes).size).toBe(1)
  })
})
