import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ALL, exchanging } from './strategies.js'
import { RealSwarm } from './swarm.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

const MOMENTS = ['before-announcing', 'sending', 'half-sent', 'reducing', 'aggregated', 'accepting'] as const
/** Floats of which each of five parts is still told from a message, see thread.ts. */
const LONG = 100_000
/** The rest take minutes, and are on the virtual clock each time. */
const played = ALL ? MOMENTS : (['sending', 'aggregated', 'accepting'] as const)

describe.each(await exchanging('all-reduce'))('%s: a peer dies by kill -9', (strategy) => {
  let swarm: RealSwarm
  beforeAll(
    async () => (swarm = await RealSwarm.start({ strategy, peers: 5, ...(ALL && { settings: { length: LONG } }) }))
  )
  // what one test left broken is not the next one's fault
  beforeEach(() => swarm.whole())
  afterAll(() => swarm?.close())

  it.each(played)('%s: the others end the round, and take it back', async (moment) => {
    const victim = await swarm.dies(moment)
    expect(victim.end?.signal).toBe('SIGKILL')
    await swarm.whole()
    swarm.restart(victim)
    await swarm.whole()
  })

  it('taking over from a coordinator that died', async () => {
    const coordinator = swarm.rank(0)
    const successor = swarm.dies(
      'taking-over',
      swarm.running.filter((life) => life !== coordinator)
    )
    swarm.kill(coordinator)
    const victim = await successor
    await swarm.whole()
    for (const life of [coordinator, victim]) swarm.restart(life)
    await swarm.whole()
  })

  it('donating the state: the newcomer takes it from another', async () => {
    const newcomer = swarm.rank(4)
    swarm.kill(newcomer)
    await swarm.whole()
    const donor = swarm.dies('donating')
    swarm.restart(newcomer)
    const victim = await donor
    await swarm.whole()
    swarm.restart(victim)
    await swarm.whole()
  })

  it('with half of the state: it comes back once more', async () => {
    const victim = swarm.rank(2)
    swarm.kill(victim)
    await swarm.gone(victim)
    const again = swarm.restart(victim, { dieAt: 'syncing' })
    await swarm.gone(again)
    await swarm.whole()
    swarm.restart(again)
    await swarm.whole()
  })

  it('and all end the run with one hash', () => swarm.finish())
})
