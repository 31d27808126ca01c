import { redisServerVersion } from '@peergrad/store'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { exchanging } from './strategies.js'
import { RealSwarm } from './swarm.js'

// several processes that each load libp2p, and a database for each
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

const absent = redisServerVersion() === undefined

describe.skipIf(absent).each(await exchanging('spirt'))(
  `%s: a peer's redis-server fails${absent ? ': there is none here' : ''}`,
  (strategy) => {
    let swarm: RealSwarm
    beforeAll(async () => {
      swarm = await RealSwarm.start({ strategy, peers: 4, settings: { store: 'redis' }, run: { deadline: 3 } })
    })
    beforeEach(() => swarm.whole())
    afterAll(() => swarm?.close())

    it.each([0, 2])(
      'by kill -9 in a round of rank %i: the others go on, and the peer takes the state from them',
      async (rank) => {
        const victim = swarm.rank(rank)
        process.kill(victim.database!, 'SIGKILL')
        await swarm.progress(3)
        await swarm.whole()
        expect(victim.running).toBe(true)
      }
    )

    it('by standing still: the others go on, and so does the peer afterwards', async () => {
      const victim = swarm.rank(1)
      process.kill(victim.database!, 'SIGSTOP')
      // it lives and is slow: each round waits for it until the deadline
      await swarm.progress(
        2,
        swarm.running.filter((life) => life !== victim)
      )
      process.kill(victim.database!, 'SIGCONT')
      await swarm.whole()
    })

    it('and all end the run with one hash', () => swarm.finish())
  }
)
