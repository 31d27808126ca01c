import { Arena, virtualClock, type Logger } from '@peergrad/core'
import { memoryStore, PATIENCE, PrivateServer, redisStore, type Patience, type RedisStoreInit } from '@peergrad/store'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { put, read } from '../../../test/compliance/store-support.js'
import { everything } from './everything.js'
import { guideRights } from './guide-rights.js'
import { RedisProxy } from './redis-proxy.js'
import { because, plainRedis, serverPlaces } from './redis-places.js'

const RULES = new URL('./fixtures/rules.mjs', import.meta.url).href
const FILTERS = new URL('../../../test/compliance/fixtures/filters.mjs', import.meta.url).href
const SGD = { name: 'sgd', learningRate: 1 } as const
const QUICK: Patience = { connect: 1000, reply: 1000, total: 3000 }

describe.each(serverPlaces)('a database that misbehaves: $name', ({ name, module, absent }) => {
  describe.skipIf(absent)(absent ?? 'runs', () => {
    let server: PrivateServer
    let peers = 0
    const start = () =>
      PrivateServer.start({ peer: `${name.replaceAll(' ', '-')}-2`, memory: 64 << 20, ...(module && { module }) })
    const opened: { close(): unknown }[] = []
    beforeAll(async () => (server = await start()))
    afterEach(async () => {
      vi.useRealTimers()
      for (const each of opened.splice(0).reverse()) await each.close()
    })
    afterAll(() => server?.close())

    async function open(init: Partial<RedisStoreInit> = {}) {
      const store = await redisStore({
        url: server.url,
        run: 'run',
        peer: `peer-${peers++}`,
        arena: Arena.create({ bytes: 128 << 20 }),
        patience: QUICK,
        ...init
      })
      opened.push(store)
      return store
    }

    if (module !== undefined)
      it('works for longer than a reply may take: the call waits for it', async () => {
        const store = await open({ patience: { connect: 1000, reply: 200, total: 10_000 } })
        const parameters = 400_000
        await put(store, 'a', new Float32Array(parameters).fill(1))
        await put(store, 'b', new Float32Array(parameters).fill(2))
        const options = { name: 'centered-clipping', tau: 1, iterations: 1000, median: 0 }
        const rule = { module: RULES, export: 'inStoreOnly', options }
        await store.aggregate({ from: ['a', 'b'], to: 'to', rule, samples: [1, 1], parameters, seed: 1 })
        expect(await store.has('to')).toBe(true)
      })

    it('tells the norm of what is not finite as memory does', async () => {
      const store = await open()
      await put(store, 'x', [1, -Infinity])
      expect(await store.verify('x')).toMatchObject({ firstNonFinite: 1, norm: Infinity })
    })

    it('is killed and started again: what it held is missing, and new work goes on', async () => {
      const store = await open()
      await put(store, 'a', [1, 2, 3])
      process.kill(server.pid ?? 0, 'SIGKILL')
      await expect(read(store, 'a')).rejects.toMatchObject({ code: 'missing', data: { lost: true } })
      await put(store, 'b', [4])
      expect([...(await read(store, 'b'))]).toEqual([4])
    })

    it('is killed and stays away: a call ends with an error within its time', async () => {
      const store = await open()
      await shutDown(server)
      // of so many messages some wait until others are done: the time is that of all
      const long = new Float32Array(12 << 18)
      await expect(put(store, 'a', long)).rejects.toMatchObject({ code: 'crashed' })
      server = await start()
      await put(store, 'a', [1])
      expect([...(await read(store, 'a'))]).toEqual([1])
    }, 7000)

    it('stands still for ten seconds: the call waits', async () => {
      const again = vi.fn()
      const store = await open({ patience: PATIENCE, logger: onAgain(again) })
      process.kill(server.pid ?? 0, 'SIGSTOP')
      try {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
        const going = put(store, 'a', [1, 2])
        // the time that a reply may take
        await vi.waitUntil(() => vi.getTimerCount() > 0)
        await vi.advanceTimersByTimeAsync(10_000)
        expect(again).not.toHaveBeenCalled()
        process.kill(server.pid ?? 0, 'SIGCONT')
        await going
      } finally {
        process.kill(server.pid ?? 0, 'SIGCONT')
      }
      expect([...(await read(store, 'a'))]).toEqual([1, 2])
    })

    it('stands still for longer than a reply may take: the call is made again on another connection', async () => {
      const again = vi.fn()
      const store = await open({
        patience: { connect: 1000, reply: 300, total: 10_000 },
        logger: onAgain(again)
      })
      process.kill(server.pid ?? 0, 'SIGSTOP')
      const going = put(store, 'a', [1, 2])
      try {
        await vi.waitUntil(() => again.mock.calls.length > 0, { timeout: 5000 })
      } finally {
        process.kill(server.pid ?? 0, 'SIGCONT')
      }
      await going
      expect([...(await read(store, 'a'))]).toEqual([1, 2])
    })

    it('stands still when its peer leaves: that takes a second', async () => {
      const clock = virtualClock()
      const store = await open({ patience: PATIENCE, clock })
      await put(store, 'a', [1])
      process.kill(server.pid ?? 0, 'SIGSTOP')
      try {
        const closing = store.close()
        clock.advance(1000)
        await closing
      } finally {
        process.kill(server.pid ?? 0, 'SIGCONT')
      }
    })

    it('has no memory left: full, nothing is lost, and what is deleted makes room', async () => {
      const store = await open()
      const row = new Float32Array(4 << 20).fill(1)
      const kept: string[] = []
      for (let i = 0; i < 5; i++) {
        const outcome = await put(store, `v:${i}`, row.fill(i)).then(
          () => 'kept',
          (error: { code: string }) => error.code
        )
        if (outcome === 'kept') kept.push(`v:${i}`)
        else expect(outcome).toBe('full')
      }
      expect(kept.length).toBeGreaterThan(1)
      expect(kept.length).toBeLessThan(5)
      expect(await store.keys('')).toEqual(kept)
      for (const [i, key] of kept.entries()) expect((await read(store, key))[12345]).toBe(i)
      await store.delete(kept)
      await put(store, 'after', row)
    })

    it('holds something else under the name of a vector: corrupt at once, and other work goes on', async () => {
      const store = await open()
      for (const key of ['w', 'g']) await put(store, key, [1, 2])
      const redis = new Redis(server.url.slice('unix:'.length))
      for (const name of await redis.keys(`peergrad:*peer-${peers - 1}:*`)) {
        await redis.del(name)
        await redis.rpush(name, 'a list')
      }
      const corrupt = { code: 'corrupt', message: expect.stringMatching(/holds something else|WRONGTYPE/) as string }
      const filter = { module: FILTERS, export: 'significant', options: { of: 'model', threshold: 1 } }
      const step = { parameters: 2, step: 1, learningRate: 1 }
      for (const work of [
        () => store.get('g'),
        () => store.digest('g'),
        () => store.average(['w', 'g'], 'to'),
        () => store.filter({ from: 'g', state: 'w', to: 'to', rest: 'rest', filter, seed: 1, ...step }),
        () => store.slice({ from: 'g', offset: 0, length: 1, to: 'to' }),
        () => store.applyUpdate({ from: 'w', gradient: 'g', to: 'to', optimiser: SGD, ...step })
      ]) {
        await expect(work()).rejects.toMatchObject(corrupt)
      }
      await store.delete(['w', 'g'])
      expect((await store.usage()).bytes).toBe(0)
      await put(store, 'g', [3])
      expect([...(await read(store, 'g'))]).toEqual([3])
      await redis.quit()
    })

    it('is shared by two peers of two runs: each sees its own, and leaves the other alone', async () => {
      const [one, two] = [await open({ run: 'one', peer: 'p' }), await open({ run: 'two', peer: 'p' })]
      await put(one, 'a', [1])
      await put(two, 'a', [2])
      expect([...(await read(one, 'a')), ...(await read(two, 'a'))]).toEqual([1, 2])
      const again = await open({ run: 'one', peer: 'p' })
      expect(await again.keys('')).toEqual([])
      await expect(read(one, 'a')).rejects.toMatchObject({ code: 'missing' })
      expect([...(await read(two, 'a'))]).toEqual([2])
    })
  })
})

describe.skipIf(plainRedis.absent)(`a Redis that does not let us in${because(plainRedis)}`, () => {
  let server: PrivateServer
  beforeAll(async () => (server = await PrivateServer.start({ peer: 'faults-door', memory: 32 << 20 })))
  afterAll(() => server?.close())

  const open = (url: string) =>
    redisStore({ url, run: 'r', peer: 'p', arena: Arena.create({ bytes: 1 << 20 }), patience: QUICK })

  it('for a wrong password says so at once', async () => {
    const admin = await open(server.url)
    await admin.close()
    await expect(open(`${server.url}?user=nobody&password=secret`)).rejects.toMatchObject({
      code: 'refused',
      message: expect.not.stringContaining('secret') as string
    })
  })

  it('with the rights of the guide, without those of the module, lets us do all our work', async () => {
    const redis = new Redis(server.url.slice('unix:'.length))
    const rights = guideRights().filter((word) => !word.startsWith('+peergrad.'))
    expect(await redis.call('ACL', 'SETUSER', ...rights)).toBe('OK')
    await redis.call('ACL', 'LOG', 'RESET')
    const done: unknown[] = []
    const init = { url: `${server.url}?user=peergrad&password=secret`, run: 'r', peer: 'p' }
    for (const store of [
      await memoryStore({ arena: Arena.create({ bytes: 32 << 20 }) }),
      await redisStore({ ...init, arena: Arena.create({ bytes: 32 << 20 }) })
    ]) {
      done.push(await everything(store))
      await store.close()
    }
    expect(done[1]).toEqual(done[0])
    expect(await redis.call('ACL', 'LOG')).toEqual([])
    await redis.quit()
  })

  it('for a database number without the right to select says which right', async () => {
    const redis = new Redis(server.url.slice('unix:'.length))
    await redis.call('ACL', 'SETUSER', 'narrow', 'on', '>secret', '~*', '+@all', '-select')
    await redis.quit()
    await expect(open(`${server.url}?user=narrow&password=secret&db=3`)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/database 3 .*add \+select/) as string
    })
    await expect(open(`${server.url}?db=99`)).rejects.toMatchObject({ code: 'argument' })
  })

  it('without the right to renew what it keeps says so at once', async () => {
    const redis = new Redis(server.url.slice('unix:'.length))
    await redis.call('ACL', 'SETUSER', 'forgetful', 'on', '>secret', '~*', '+@all', '-pexpire')
    await redis.quit()
    await expect(open(`${server.url}?user=forgetful&password=secret`)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining("'pexpire'") as string
    })
  })

  it('keeps everything in the database of the address, also on the next connection', async () => {
    const store = await open(`${server.url}?db=3`)
    const redis = new Redis(server.url.slice('unix:'.length))
    await put(store, 'a', [1])
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await put(store, 'b', [2])
    expect(await redis.dbsize()).toBe(0)
    await redis.select(3)
    expect(await redis.dbsize()).toBe(2)
    await redis.quit()
    await store.close()
  })

  it('where nobody listens names the address and what to do', async () => {
    await expect(open('redis://127.0.0.1:1')).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/redis:\/\/127\.0\.0\.1:1.*check that redis-server runs/) as string
    })
  })

  it('with TLS to a plain port says to look at that', async () => {
    const proxy = await RedisProxy.to(server.url.slice('unix:'.length))
    try {
      await expect(open(proxy.url.replace('redis:', 'rediss:'))).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining('TLS') as string
      })
    } finally {
      proxy.close()
    }
  })

  it.each([
    ...['http://localhost', 'redis://', 'localhost:6379', 'redis://h/x', ''],
    ...['redis://h?db=3', 'unix:/s?database=3', 'rediss://h?cert=/nowhere/cert.pem']
  ])('refuses the address %j', async (url) => {
    await expect(open(url)).rejects.toMatchObject({ code: 'argument' })
  })
})

/** Hears of each call that is made again. */
function onAgain(hear: () => void): Logger {
  const log = () => undefined
  const debug: Logger['debug'] = (_, message) => {
    if (message === 'a call to Redis is made again') hear()
  }
  return { debug, info: log, warn: log, error: log }
}

async function shutDown(server: PrivateServer): Promise<void> {
  const redis = new Redis(server.url.slice('unix:'.length), { retryStrategy: () => null })
  await redis.shutdown('NOSAVE').catch(() => undefined)
  redis.disconnect()
}
