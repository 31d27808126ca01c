import { afterAll, beforeAll, beforeEach, describe, it, vi } from 'vitest'
import { exchanging } from './strategies.js'
import { RealSwarm } from './swarm.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

describe.each(await exchanging('spirt'))('%s: a peer is killed', (strategy) => {
  let swarm: RealSwarm
  beforeAll(async () => (swarm = await RealSwarm.start({ strategy, peers: 4 })))
  // what one test left broken is not the next one's fault
  beforeEach(() => swarm.whole())
  afterAll(() => swarm?.close())

  // rank 0 founded the run, leads ballot 0 and is the aggregator where there is one
  it.each([0, 1, 2, 3])('rank %i: the others go on, and it is taken back with its key', async (rank) => {
    const victim = swarm.rank(rank)
    swarm.kill(victim)
    await swarm.whole()
    swarm.restart(victim)
    await swarm.whole()
  })

  it('and all end the run with one hash', () => swarm.finish())
})
