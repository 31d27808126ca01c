import assert from 'node:assert/strict'
import type { Attack, AttackSchedule, Disguise } from '@peergrad/core'
import { disguiseOf } from '@peergrad/strategies'
import type { Law } from '../law.js'
import { peerName, Simulation } from '../simulation/simulation.js'

/** Four peers, of which the last is hostile. */
const HOSTILE = 3
const ROUNDS = 4
const MANIFEST = {
  strategy: 'all-gather',
  aggregator: 'median',
  peers: HOSTILE + 1,
  rounds: ROUNDS,
  minibatches: 1,
  deadline: 400,
  optimiser: { name: 'sgd', learningRate: 0.5 }
} as const
/** Virtual milliseconds in which a run of a few rounds must end. */
const LIMIT = 300_000
const ALWAYS: AttackSchedule = { start: 0, stop: Infinity, every: 1, targets: [] }

/** The laws of an attack in a run, among real runtimes on a network in memory. */
export function playLaws(create: () => Attack): Law[] {
  const armed = (schedule: AttackSchedule) =>
    disguiseOf(create(), { self: peerName(HOSTILE), accomplices: [], schedule })
  return [
    {
      name: 'plays in a run, in which the honest peers come to the end',
      prove: () => honestHash(armed(ALWAYS))
    },
    {
      name: 'leaves the rounds alone that its schedule leaves out',
      async prove() {
        const never = await honestHash(armed({ ...ALWAYS, start: ROUNDS }))
        assert.equal(never, await honestHash({}), 'hash of a run in none of whose rounds it plays')
      }
    }
  ]
}

/** The one hash with which the honest peers end. */
async function honestHash(disguise: Disguise): Promise<string> {
  const simulation = new Simulation(MANIFEST)
  try {
    const honest = simulation.startAll({ [HOSTILE]: disguise }).slice(0, HOSTILE)
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)), { limit: LIMIT })
    const rounds = results.map((result) => result.rounds)
    assert.deepEqual(rounds, Array(HOSTILE).fill(ROUNDS), 'rounds of the honest peers')
    const [hash, ...others] = new Set(results.map(({ parametersHash }) => parametersHash))
    assert.deepEqual(others, [], 'hashes of honest peers beside the first')
    return hash
  } finally {
    simulation.stop()
  }
}
