import type { RunManifest, StrategyFactory } from '@peergrad/core'
import { afterEach, describe, expect, it } from 'vitest'
import { MANIFEST, peerName, Simulation } from '../sim/swarm.js'

/** Floats of the simulated model, as bytes. */
const BYTES = 1500 * 4

/**
 * The laws of an architecture of exchange, for ours and for yours, on a network in memory under a virtual clock.
 * `text` is what --strategy takes: a name, or the URL of a module (`pathToFileURL(path).href`) of which `create` is
 * the factory.
 */
export function strategyCompliance(text: string, create: StrategyFactory): void {
  const strategy = create({ minibatches: MANIFEST.minibatches })
  let simulation: Simulation

  async function run(manifest: Partial<RunManifest> = {}) {
    simulation = new Simulation({ strategy: text, ...manifest })
    simulation.startAll()
    const results = await simulation.results()
    simulation.stop()
    return results
  }
  const hashes = (results: readonly { parametersHash: string }[]) =>
    new Set(results.map(({ parametersHash }) => parametersHash))

  describe(`strategy ${strategy.name}`, () => {
    afterEach(() => simulation?.stop())

    it('says its name and what it is', () => {
      expect(strategy.name).toMatch(/^[a-z][a-z0-9-]*$/)
      expect(strategy.describe.length).toBeGreaterThan(10)
      expect(strategy.kind).toBe('exchange')
      expect(Number.isInteger(strategy.minibatches) && strategy.minibatches >= 1).toBe(true)
    })

    // an outer step of its own is no step of the baseline
    const steps = strategy.outer === undefined || strategy.ownModels === true
    if (steps) {
      it('with one peer is the baseline, to the bit', async () => {
        const alone = await run({ peers: 1 })
        expect(alone[0]).toMatchObject({ rounds: MANIFEST.rounds, tensorBytesSent: 0, tensorBytesReceived: 0 })
        expect(hashes(alone)).toEqual(
          hashes(await run({ peers: 1, strategy: 'local', minibatches: strategy.minibatches }))
        )
      })
    }

    it('ends with one hash at all peers, the same for the same seed, another for another', async () => {
      const [first, again, other] = [await run(), await run(), await run({ seed: 2 })]
      for (const results of [first, again, other]) {
        expect(results.map(({ status, rounds }) => [status, rounds])).toEqual(
          Array(MANIFEST.peers).fill(['finished', MANIFEST.rounds])
        )
        expect(hashes(results).size).toBe(1)
      }
      expect(hashes(again)).toEqual(hashes(first))
      expect(hashes(other)).not.toEqual(hashes(first))
    })

    it.each([2, 3, 5])('sends and receives what its formula says, among %i peers', async (peers) => {
      for (const { rank, tensorBytesSent, tensorBytesReceived } of await run({ peers })) {
        const each = strategy.traffic({ peers, rank, bytes: BYTES })
        const last = strategy.traffic({ peers, rank, bytes: BYTES, last: true })
        const times = MANIFEST.rounds - 1
        expect([rank, tensorBytesSent, tensorBytesReceived]).toEqual([
          rank,
          times * each.sent + last.sent,
          times * each.received + last.received
        ])
      }
    })

    it.each([0, 1, 3])('goes on when peer %i is killed in the middle', async (victim) => {
      simulation = new Simulation({ strategy: text })
      const peers = simulation.startAll()
      const [witness] = peers.filter((_, index) => index !== victim)
      await simulation.when(() => witness!.events.some((event) => event.type === 'round' && event.round === 4))
      simulation.kill(peerName(victim))
      const results = await simulation.results()
      expect(results.map(({ rounds, members }) => [rounds, members.length])).toEqual(
        Array(MANIFEST.peers - 1).fill([MANIFEST.rounds, MANIFEST.peers - 1])
      )
      expect(hashes(results).size).toBe(1)
    })
  })
}
