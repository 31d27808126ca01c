import { PrivateServer } from '@peergrad/store'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shared } from '../../../test/compliance/store-support.js'
import { parseRedisUrl } from '../src/redis/address.js'
import { Connection, PATIENCE } from '../src/redis/connection.js'
import { Strings } from '../src/redis/strings.js'
import { because, plainRedis } from './redis-places.js'
import { RedisProxy } from './redis-proxy.js'

describe.skipIf(plainRedis.absent)(`vectors as strings of any server${because(plainRedis)}`, () => {
  let server: PrivateServer
  let redis: Redis
  let strings: Strings

  beforeAll(async () => {
    server = await PrivateServer.start({ peer: 'strings', memory: 64 << 20 })
    redis = new Redis(server.url.slice('unix:'.length))
    strings = new Strings(await Connection.open({ address: parseRedisUrl(server.url), patience: PATIENCE }))
  })
  afterAll(async () => {
    await strings?.close()
    redis?.disconnect()
    await server?.close()
  })

  it('expire from their first part on, for their writer may be killed before the last', async () => {
    await strings.writeParts(['a', 'b'], async (write) => {
      for (const name of ['a', 'b']) {
        await write(name, 4, shared([5]))
        expect(await redis.pttl(name)).toBeGreaterThan(0)
        await write(name, 0, shared([1, 2, 3, 4]))
      }
    })
    const read = shared([0, 0, 0, 0, 0])
    await strings.read('b', read)
    expect([...read]).toEqual([1, 2, 3, 4, 5])
  })

  it('expire also when their writer is killed before it hears of the first part', async () => {
    const proxy = await RedisProxy.to(server.url.slice('unix:'.length))
    const writer = new Strings(await Connection.open({ address: parseRedisUrl(proxy.url), patience: PATIENCE }))
    const cut = proxy.loseReplyTo('SETRANGE')
    const written = writer.write('cut', shared([1, 2]))
    await cut
    await writer.close()
    await expect(written).rejects.toMatchObject({ code: 'aborted' })
    expect(await redis.pttl('cut')).toBeGreaterThan(0)
    proxy.close()
  })

  it('take no more room than they need', async () => {
    const vector = shared(new Array<number>(3 << 17).fill(1))
    await strings.write('long', vector)
    expect(await redis.memory('USAGE', 'long')).toBeLessThan(1.3 * vector.byteLength)
  })
})
