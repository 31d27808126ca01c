import { Arena, type GradientStore, type Logger } from '@peergrad/core'
import { PrivateServer, redisStore, type Patience } from '@peergrad/store'
import { Redis } from 'ioredis'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { RedisProxy } from './redis-proxy.js'
import { plainRedis, serverPlaces } from './redis-places.js'

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
      for (const each of opened.splice(0).reverse()) await each.close()
    })
    afterAll(() => server?.close())

    async function open(init: { url?: string; peer?: string; run?: string; patience?: Patience } = {}) {
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

    it('loses a reply: the call is made again, and nothing is applied twice', async () => {
      const proxy = await RedisProxy.to(server.url.slice('unix:'.length))
      opened.push(proxy)
      const store = await open({ url: proxy.url })
      const words =
        module === undefined
          ? ['SETRANGE', 'GETRANGE']
          : ['PEERGRAD.SET', 'PEERGRAD.AVERAGE', 'PEERGRAD.UPDATE', 'PEERGRAD.READ', 'PEERGRAD.DIGEST']
      for (const word of words) {
        const lost = proxy.loseReplyTo(word)
        for (const [key, value] of [
          ['w', 10],
          ['g0', 1],
          ['g1', 3]
        ] as const)
          await put(store, key, Array<number>(1000).fill(value))
        await store.average(['g0', 'g1'], 'mean')
        await store.applyUpdate({
          from: 'w',
          to: 'next',
          gradient: 'mean',
          optimiser: { name: 'momentum', learningRate: 1, momentum: 0.5 },
          parameters: 1000,
          step: 1,
          learningRate: 0.5
        })
        await store.digest('next')
        expect(new Set(await read(store, 'next'))).toEqual(new Set([9]))
        expect(new Set(await read(store, 'next:state:0'))).toEqual(new Set([2]))
        await lost
        await store.delete(await store.keys(''))
      }
    })

    it('is killed and started again: what it held is missing, and new work goes on', async () => {
      const store = await open()
      await put(store, 'a', [1, 2, 3])
      process.kill(server.pid ?? 0, 'SIGKILL')
      await expect(read(store, 'a')).rejects.toMatchObject({ code: 'missing' })
      await put(store, 'b', [4])
      expect([...(await read(store, 'b'))]).toEqual([4])
    })

    it('is killed and stays away: a call ends with an error within its time', async () => {
      const store = await open()
      await shutDown(server)
      await expect(put(store, 'a', [1])).rejects.toMatchObject({ code: 'crashed' })
      server = await start()
      await put(store, 'a', [1])
      expect([...(await read(store, 'a'))]).toEqual([1])
    })

    it('stands still for ten seconds: the call waits', async () => {
      const store = await open({ patience: { connect: 5000, reply: 15_000, total: 40_000 } })
      process.kill(server.pid ?? 0, 'SIGSTOP')
      const going = put(store, 'a', [1, 2])
      await pause(10_000)
      process.kill(server.pid ?? 0, 'SIGCONT')
      await going
      expect([...(await read(store, 'a'))]).toEqual([1, 2])
    }, 30_000)

    it('stands still for longer than a reply may take: the call is made again on another connection', async () => {
      const store = await open({ patience: { connect: 1000, reply: 300, total: 10_000 } })
      process.kill(server.pid ?? 0, 'SIGSTOP')
      const going = put(store, 'a', [1, 2])
      await pause(1000)
      process.kill(server.pid ?? 0, 'SIGCONT')
      await going
      expect([...(await read(store, 'a'))]).toEqual([1, 2])
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

describe.skipIf(plainRedis.absent)(`a Redis that does not let us in${plainRedis.absent ?? ''}`, () => {
  let server: PrivateServer
  beforeAll(async () => (server = await PrivateServer.start({ peer: 'faults-door', memory: 16 << 20 })))
  afterAll(() => server?.close())

  const open = (url: string, more: { inDatabase?: boolean; logger?: Logger } = {}) =>
    redisStore({ url, run: 'r', peer: 'p', arena: Arena.create({ bytes: 1 << 20 }), patience: QUICK, ...more })

  it('for a wrong password says so at once', async () => {
    const admin = await open(server.url)
    await admin.close()
    await expect(open(`${server.url}?user=nobody&password=secret`)).rejects.toMatchObject({
      code: 'refused',
      message: expect.not.stringContaining('secret') as string
    })
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

  it('without the module is refused when work in the database was asked for', async () => {
    await expect(open(server.url, { inDatabase: true })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('--loadmodule') as string
    })
  })

  it.each(['http://localhost', 'redis://', 'localhost:6379', 'redis://h/x', ''])(
    'refuses the address %j',
    async (url) => {
      await expect(open(url)).rejects.toMatchObject({ code: 'argument' })
    }
  )

  it('ends with its peer, and what a killed peer left is ended by the next', async () => {
    const first = await PrivateServer.start({ peer: 'left-behind', memory: 16 << 20 })
    const second = await PrivateServer.start({ peer: 'left-behind', memory: 16 << 20 })
    expect(() => process.kill(first.pid ?? 0, 0)).toThrow()
    const store = await open(second.url)
    await store.close()
    await second.close()
    expect(existsSync(second.url.slice('unix:'.length))).toBe(false)
    expect(() => process.kill(second.pid ?? 0, 0)).toThrow()
  })
})

const leash = existsSync('/usr/bin/setpriv')
it.skipIf(plainRedis.absent ?? !leash)('a private server ends with a peer that is killed', async () => {
  const program = `import { PrivateServer } from ${JSON.stringify(import.meta.resolve('@peergrad/store'))}
    const server = await PrivateServer.start({ peer: 'killed', memory: 1e7 })
    process.send(server.pid)`
  const peer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: [0, 1, 2, 'ipc'] })
  const [pid] = (await once(peer, 'message')) as [number]
  process.kill(pid, 0)
  peer.kill('SIGKILL')
  await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 10_000 }).toBe(false)
})

it('without redis-server, a private one is refused with what to do', async () => {
  vi.stubEnv('PATH', '/nowhere')
  await expect(PrivateServer.start({ peer: 'nobody', memory: 1e6 })).rejects.toMatchObject({
    code: 'missing',
    message: expect.stringContaining('apt-get install redis-server') as string
  })
  vi.unstubAllEnvs()
})

async function shutDown(server: PrivateServer): Promise<void> {
  const redis = new Redis(server.url.slice('unix:'.length), { retryStrategy: () => null })
  await redis.shutdown('NOSAVE').catch(() => undefined)
  redis.disconnect()
}

async function put(store: GradientStore, key: string, row: ArrayLike<number>): Promise<void> {
  const lease = store.lease(row.length)
  lease.vector.set(row)
  try {
    await store.put(key, lease)
  } catch (thrown) {
    lease.release()
    throw thrown
  }
}

async function read(store: GradientStore, key: string): Promise<Float32Array> {
  const lease = await store.get(key)
  const copy = Float32Array.from(lease.vector)
  lease.release()
  return copy
}
