import { Arena, virtualClock, type Clock } from '@peergrad/core'
import { PrivateServer, redisStore } from '@peergrad/store'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { put } from '../../../test/compliance/store-support.js'
import { everything } from './everything.js'
import { serverPlaces } from './redis-places.js'

const DAY = 24 * 3600 * 1000
const MINUTE = 60_000

describe.each(serverPlaces)('what a peer leaves on a server: $name', ({ name, module, absent }) => {
  describe.skipIf(absent)(absent ?? 'runs', () => {
    let server: PrivateServer
    let redis: Redis

    beforeAll(async () => {
      const peer = `${name.replaceAll(' ', '-')}-expiry`
      server = await PrivateServer.start({ peer, memory: 64 << 20, ...(module && { module }) })
      redis = new Redis(server.url.slice('unix:'.length))
    })
    afterAll(async () => {
      redis?.disconnect()
      await server?.close()
    })
    beforeEach(() => redis.flushall())

    const open = (clock?: Clock) =>
      redisStore({
        url: server.url,
        run: 'run',
        peer: 'peer',
        arena: Arena.create({ bytes: 32 << 20 }),
        ...(clock && { clock })
      })

    it('expires in a day, whatever made it', async () => {
      const store = await open()
      await everything(store)
      const names = await redis.keys('*')
      expect(names.length).toBeGreaterThan(10)
      for (const each of names) {
        const left = await redis.pttl(each)
        expect({ each, left: left > DAY - MINUTE && left <= DAY }).toEqual({ each, left: true })
      }
      await store.close()
    })

    it('stays as long as the peer lives', async () => {
      const clock = virtualClock()
      const store = await open(clock)
      await put(store, 'a', [1, 2])
      await put(store, 'b', [3])
      const names = await redis.keys('*')
      expect(names).toHaveLength(2)
      for (let day = 0; day < 2; day++) {
        for (const each of names) await redis.pexpire(each, MINUTE)
        clock.advance(DAY / 4)
        for (const each of names) await expect.poll(() => redis.pttl(each)).toBeGreaterThan(DAY - MINUTE)
      }
      await store.close()
      expect(clock.pending).toBe(0)
    })
  })
})
