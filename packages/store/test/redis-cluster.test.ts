import { Arena, type GradientStore } from '@peergrad/core'
import { memoryStore, redisStore } from '@peergrad/store'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { everything } from './everything.js'
import { freePort } from './free-port.js'
import { ModuleServer, title, unavailable } from './module-server.js'

const SLOTS = 16_384

describe.skipIf(unavailable !== undefined)(title('a cluster of two nodes'), () => {
  const nodes: ModuleServer[] = []
  /** a name whose keys the node has */
  const runs: string[] = []

  beforeAll(async () => {
    const ports: [number, number][] = []
    for (let node = 0; node < 2; node++) {
      const [port, bus] = [await freePort(), await freePort()]
      const place = ['--cluster-enabled', 'yes', '--port', String(port), '--cluster-port', String(bus)]
      nodes.push(await new ModuleServer([...place, '--save', '', '--appendonly', 'no']).start())
      ports.push([port, bus])
      const range = [(node * SLOTS) / 2, ((node + 1) * SLOTS) / 2 - 1]
      expect(await nodes[node]!.ask('CLUSTER', 'ADDSLOTSRANGE', ...range)).toBe('OK')
    }
    await nodes[0]!.ask('CLUSTER', 'MEET', '127.0.0.1', ...ports[1]!)
    const whole = async () => {
      for (const node of nodes)
        expect(await node.ask('CLUSTER', 'INFO')).toMatch(/cluster_state:ok[^]*cluster_slots_ok:16384/)
    }
    await vi.waitFor(whole, { timeout: 20_000 })
    for (let k = 0; runs[0] === undefined || runs[1] === undefined; k++) {
      const slot = Number(await nodes[0]!.ask('CLUSTER', 'KEYSLOT', `{run${k}}`))
      runs[Math.floor((2 * slot) / SLOTS)] ??= `run${k}`
    }
  })
  afterAll(() => Promise.all(nodes.map((node) => node.stop())))

  const open = (node: number, run: string): Promise<GradientStore> =>
    redisStore({
      ...{ url: `unix:${join(nodes[node]!.directory, 'socket')}`, run, peer: 'peer' },
      arena: Arena.create({ bytes: 32 << 20 })
    })

  it('does all work of a run on the node that has its keys', async () => {
    const memory = await memoryStore({ arena: Arena.create({ bytes: 32 << 20 }) })
    const expected = await everything(memory)
    await memory.close()
    for (const [node, run] of runs.entries()) {
      const store = await open(node, run)
      expect(await everything(store)).toEqual(expected)
      await store.close()
    }
  })

  it('is refused on another node, with the address of the right one', async () => {
    await expect(open(0, runs[1]!)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(
        /another node of the cluster \(MOVED \d+ 127\.0\.0\.1:\d+\); name that one/
      ) as string
    })
  })
})
