import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { exchanging } from './strategies.js'
import { RealSwarm } from './swarm.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

describe.each(await exchanging('all-reduce'))('%s: a process that fails', (strategy) => {
  let swarm: RealSwarm
  beforeAll(async () => {
    swarm = await RealSwarm.start({ strategy, peers: 4, flags: ['--max-old-space-size=64'] })
  })
  // what one test left broken is not the next one's fault
  beforeEach(() => swarm.whole())
  afterAll(() => swarm?.close())

  it.each([0, 2])('rank %i is stopped: the others go on, and it is taken back when it goes on', async (rank) => {
    const victim = swarm.rank(rank)
    swarm.stop(victim)
    await swarm.whole()
    swarm.continue(victim)
    await swarm.whole()
  })

  it.each(['network', 'store'] as const)('its %s thread ends: it goes on with another one', async (of) => {
    const victim = swarm.rank(1)
    victim.tell({ type: 'end-thread', of })
    await swarm.when(`the ${of} thread ended`, () => victim.threadsEnded.includes(of))
    await swarm.progress(3)
    await swarm.whole()
  })

  it('has no memory left: the others go on, and it is taken back with its key', async () => {
    const victim = swarm.rank(1)
    swarm.expectDeath(victim)
    victim.tell({ type: 'hoard' })
    await swarm.gone(victim)
    await swarm.whole()
    swarm.restart(victim)
    await swarm.whole()
  })

  it('has no room for its checkpoint: it says so, and the others end with one hash', async ({
    skip,
    onTestFinished
  }) => {
    const victim = swarm.rank(3)
    const folder = join(swarm.folder, 'small')
    mkdirSync(folder)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
    if (mounted.status !== 0) skip(`no right to mount a small file system: ${mounted.stderr.toString().trim()}`)
    onTestFinished(() => void spawnSync('umount', [folder]))
    swarm.kill(victim)
    await swarm.gone(victim)
    const again = swarm.restart(victim, { settings: { checkpoints: folder } })
    await swarm.whole()
    swarm.expectDeath(again)
    await swarm.finish()
    expect(again.failure).toMatchObject({
      code: 'full',
      message: expect.stringContaining('the disk is full') as string
    })
    expect(readdirSync(folder)).toEqual([])
  })
})
