import { Arena } from '@peergrad/core'
import { memoryStore, PrivateServer, redisStore } from '@peergrad/store'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { everything } from './everything.js'
import { guideRights } from './guide-rights.js'
import { serverPlaces } from './redis-places.js'
import { RedisProxy } from './redis-proxy.js'

/** All that the guide grants of the module: redis-tls.test.ts shows that no other command of it is called. */
const MODULE_COMMANDS = guideRights()
  .filter((word) => word.startsWith('+peergrad.'))
  .map((word) => word.slice(1).toUpperCase())
const STRING_COMMANDS = ['SETRANGE', 'GETRANGE', 'PEXPIRE']

describe.each(serverPlaces)('a reply that is lost with its connection: $name', ({ name, module, absent }) => {
  describe.skipIf(absent)(absent ?? 'runs', () => {
    const commands = [...(module === undefined ? STRING_COMMANDS : MODULE_COMMANDS), 'UNLINK']
    let server: PrivateServer
    let proxy: RedisProxy
    let redis: Redis
    let expected: unknown

    beforeAll(async () => {
      const peer = `${name.replaceAll(' ', '-')}-lost`
      server = await PrivateServer.start({ peer, memory: 64 << 20, ...(module && { module }) })
      proxy = await RedisProxy.to(server.url.slice('unix:'.length))
      redis = new Redis(server.url.slice('unix:'.length))
      const memory = await memoryStore({ arena: Arena.create({ bytes: 32 << 20 }) })
      expected = await everything(memory)
      await memory.close()
    })
    afterAll(async () => {
      redis?.disconnect()
      proxy?.close()
      await server?.close()
    })

    it.each(commands)('%s is called again, and nothing is applied twice', async (command) => {
      const arena = Arena.create({ bytes: 32 << 20 })
      const store = await redisStore({ url: proxy.url, run: 'run', peer: command, arena })
      const lost = proxy.loseReplyTo(command)
      expect(await everything(store)).toEqual(expected)
      await store.delete(await store.keys(''))
      await lost
      await expect.poll(() => redis.keys('peergrad:*')).toEqual([])
      expect((await store.usage()).bytes).toBe(0)
      await store.close()
    })
  })
})
