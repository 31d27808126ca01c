import { expect, it, onTestFinished, vi } from 'vitest'
import { ALL } from './strategies.js'
import { RealSwarm } from './swarm.js'

/** Sixteen on two processors take half a minute alone: eight show the same way from start to end. */
const PEERS = ALL ? 16 : 8
/** Milliseconds that their start may take on a machine that does more than this. */
const PATIENCE = 120_000

vi.setConfig({ testTimeout: 2 * PATIENCE })

it(`${PEERS} peers that start at once, set up as a user gets them, train together and end with one hash`, async () => {
  const swarm = await RealSwarm.start({
    strategy: 'spirt',
    peers: PEERS,
    run: { deadline: 30, 'min-peers': 0 },
    settings: { length: 1000, patience: PATIENCE },
    hang: PATIENCE
  })
  onTestFinished(() => swarm.close())
  await swarm.progress(3)
  expect(swarm.peer(0).last('view')?.event.members).toHaveLength(PEERS)
  await swarm.finish()
})
