import { afterEach, describe, expect, it, vi } from 'vitest'
import { Cables } from './cables.js'
import { exchanging } from './strategies.js'
import { RealSwarm } from './swarm.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 90_000 })

describe.each(await exchanging())('%s on a network that fails', (strategy) => {
  let cables: Cables
  let swarm: RealSwarm
  afterEach(async () => {
    await swarm.close()
    await cables.close()
  })

  async function start(peers: number): Promise<void> {
    cables = await Cables.lay(peers)
    swarm = await RealSwarm.start({ strategy, peers, place: (number) => cables.place(number) })
  }

  it('in two: the larger part goes on, the smaller one pauses, and both are one when it heals', async () => {
    await start(5)
    const [minority, majority] = [
      [0, 3].map((number) => swarm.peer(number)),
      [1, 2, 4].map((number) => swarm.peer(number))
    ]
    cables.part([0, 3])
    await swarm.whole(majority)
    await swarm.when('the smaller part pauses', () => minority.every((life) => life.last('paused') !== undefined))
    const before = minority.map((life) => life.last('round')?.event.round)
    await swarm.progress(5, majority)
    expect(minority.map((life) => life.last('round')?.event.round)).toEqual(before)
    cables.join()
    await swarm.whole()
    await swarm.finish()
  })

  it('slow, 1 Mbit/s to one peer: it is waited for, and nobody suspects it', async () => {
    await start(3)
    cables.slow(2, '1mbit')
    await swarm.progress(5)
    expect(swarm.suspicions).toEqual([])
    await swarm.whole()
    await swarm.finish()
  })
})
