import {
  Arena,
  createKernels,
  virtualClock,
  type GradientStore,
  type Logger,
  type PluginReference
} from '@peergrad/core'
import { PATIENCE, redisAiStore } from '@peergrad/store'
import { createConnection } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { storeCompliance } from '../../../test/compliance/store.js'
import { RedisAiServer, type Options } from './redisai-server.js'
import { Failure, Simple } from './resp.js'

const BYTES = 32 << 20
const DAY = 24 * 3600 * 1000
const BASE = 'peergrad:{run}:peer:'

async function compliant(url: string, limit: number) {
  const clock = virtualClock()
  const arena = Arena.create({ bytes: BYTES })
  const store = await redisAiStore({ url, run: 'compliance', peer: 'peer', arena, limit, clock })
  return { store, advance: (ms: number) => clock.advance(ms) }
}

let server: RedisAiServer
let store: GradientStore | undefined
let warnings: string[] = []
afterEach(async () => {
  await store?.close()
  store = undefined
  await server?.close()
})

storeCompliance('redisai, a double', async ({ limit }) => {
  server = await RedisAiServer.start()
  return compliant(server.url, limit)
})

const { REDISAI_URL } = process.env
if (REDISAI_URL !== undefined) storeCompliance('redisai of REDISAI_URL', ({ limit }) => compliant(REDISAI_URL, limit))

describe('the redisai driver', () => {
  async function open(options: Partial<Options> = {}): Promise<GradientStore> {
    server = await RedisAiServer.start(options)
    return connect()
  }
  async function connect(run = 'run'): Promise<GradientStore> {
    warnings = []
    const log = () => {}
    const logger: Logger = { debug: log, info: log, warn: (_, message) => warnings.push(message), error: log }
    const arena = Arena.create({ bytes: 4 << 20 })
    const patience = { ...PATIENCE, connect: 2000, total: 3000 }
    store = await redisAiStore({ url: server.url, run, peer: 'peer', arena, patience, logger })
    return store
  }
  async function put(key: string, row: ArrayLike<number>): Promise<void> {
    const lease = store!.lease(row.length)
    lease.vector.set(row)
    await store!.put(key, lease)
  }
  async function read(key: string): Promise<number[]> {
    const lease = await store!.get(key)
    const row = [...lease.vector]
    lease.release()
    return row
  }
  const calls = (name: string) => server.seen.filter(([command]) => command === name)
  const tensors = () => server.keys.filter((key) => !key.endsWith(':script'))
  const rule = (name: string): PluginReference => ({
    module: new URL('./fixtures/rules.mjs', import.meta.url).href,
    export: name,
    options: {}
  })
  const aggregate = (from: string[], name: string, parameters = 1) =>
    store!.aggregate({ from, to: 'to', rule: rule(name), samples: from.map(() => 1), parameters, seed: 1 })
  const update = (learningRate = 0.5) =>
    store!.applyUpdate({
      from: 'w',
      to: 'next',
      gradient: 'g',
      optimiser: { name: 'adam', learningRate: 1 },
      parameters: 2,
      step: 1,
      learningRate
    })

  describe('opening', () => {
    it.each([
      ['without RedisAI', { ai: false }, 'unsupported', /has no RedisAI 1\.2 or newer; start it with --loadmodule/],
      ['without libtorch', { torch: false }, 'unsupported', /has no libtorch .*Could not load backend.*install/],
      ['too old', { version: '5.0.7' }, 'unsupported', /is Redis 5\.0\.7, expected 6\.0/],
      ['with a password', { password: 'secret' }, 'refused', /wants a password/]
    ])('refuses a server %s', async (_, options, code, message) => {
      await expect(open(options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    })

    it('refuses the name of a run that could be taken for something else on the wire', async () => {
      server = await RedisAiServer.start()
      await expect(connect('a b')).rejects.toMatchObject({ code: 'argument' })
    })

    it('says so when the server may evict', async () => {
      await open({ policy: 'allkeys-lru' })
      expect(warnings).toEqual([expect.stringContaining('noeviction')])
    })

    it('deletes what an earlier life of the peer left, and nobody else’s', async () => {
      server = await RedisAiServer.start()
      for (const key of [`${BASE}dead:3`, 'peergrad:{run}:peer2:x:1']) server.set(key, 'FLOAT', [1], new Uint8Array(4))
      await connect()
      expect(tensors()).toEqual(['peergrad:{run}:peer2:x:1'])
    })
  })

  describe('on the server', () => {
    it('gives every tensor an expiry, also those that a script made', async () => {
      await open()
      await put('w', [1, 2])
      await put('g', [1, 2])
      await update()
      await store!.average(['w', 'g'], 'mean')
      expect(tensors()).toHaveLength(6)
      for (const key of server.keys) {
        expect(server.ttl(key)).toBeGreaterThan(DAY - 60_000)
        expect(server.ttl(key)).toBeLessThanOrEqual(DAY)
      }
      expect(server.crashed).toBeUndefined()
    })

    it('gives everything another day as long as the peer lives', async () => {
      const clock = virtualClock()
      server = await RedisAiServer.start()
      const arena = Arena.create({ bytes: 4 << 20 })
      store = await redisAiStore({ url: server.url, run: 'run', peer: 'peer', arena, clock })
      await put('w', [1, 2])
      await put('none', [])
      const before = calls('PEXPIRE').length
      const renewed = () =>
        calls('PEXPIRE')
          .slice(before)
          .map(([, key]) => key)
      clock.advance(DAY / 4)
      await expect.poll(renewed).toEqual(expect.arrayContaining(server.keys))
      expect(server.keys).toHaveLength(2)
      await read('w')
    })

    it('calls the script in the one order that RedisAI takes, with numbers for arguments', async () => {
      await open()
      await put('w', [1, 2])
      await put('g', [1, 2])
      await update()
      const call = calls('AI.SCRIPTEXECUTE')[0]!.join(' ')
      const key = `${BASE.replace(/[{}]/g, '\\$&')}[0-9a-f]{8}:`
      expect(call).toMatch(
        new RegExp(
          `^AI.SCRIPTEXECUTE ${key}script adam INPUTS 2( ${key}\\d+){2} ARGS 10 2( [-+.e\\d]+){9} ` +
            `OUTPUTS 4( ${key}\\d+){3} ${key}\\d+:verdict TIMEOUT ${PATIENCE.reply}$`
        )
      )
    })

    it('keeps nothing of a vector of no floats, and works on it', async () => {
      await open()
      await put('none', [])
      await put('again', [])
      await store!.average(['none', 'again'], 'mean')
      await aggregate(['none'], 'inStoreMean', 0)
      expect([await read('mean'), await read('to')]).toEqual([[], []])
      expect(tensors()).toEqual([])
      expect(calls('AI.SCRIPTEXECUTE')).toEqual([])
    })

    it('makes a step of no parameters: the buffers of the gradient', async () => {
      await open()
      await put('w', [1, 2])
      await put('g', [3, 4])
      const request = { from: 'w', to: 'next', gradient: 'g', parameters: 0, step: 1, learningRate: 1 }
      await store!.applyUpdate({ ...request, optimiser: { name: 'adam', learningRate: 1 } })
      expect([await read('next'), await read('next:state:1')]).toEqual([[3, 4], []])
    })

    it('leaves nothing behind when it is closed, the script included', async () => {
      await open()
      await put('w', [1, 2])
      await store!.average(['w'], 'mean')
      await store!.close()
      expect(server.keys).toEqual([])
    })
  })

  describe('rules', () => {
    const rows = [
      [1, -0, 5],
      [2, 0, 3],
      [9, -0, 4],
      [4, 1, 2]
    ]

    it.each([
      ['mean', 'on the server', ['mean']],
      ['median', 'here', []]
    ] as const)('%s runs %s with the bits of the kernel', async (name, _, entries) => {
      await open()
      for (const [k, row] of rows.entries()) await put(`x${k}`, row)
      server.seen.length = 0
      await aggregate(['x0', 'x1', 'x2', 'x3'], name === 'mean' ? 'inStoreMean' : 'inStoreMedian')
      expect(calls('AI.SCRIPTEXECUTE').map(([, , entry]) => entry)).toEqual(entries)
      expect(calls('AI.TENSORSET')).toHaveLength(1 - entries.length)
      const out = new Float32Array(new SharedArrayBuffer(12))
      const inputs = rows.map((row) => {
        const x = new Float32Array(new SharedArrayBuffer(12))
        x.set(row)
        return x
      })
      createKernels()[name](out, inputs)
      expect(await read('to')).toEqual([...out])
    })

    it('refuses NaN among the inputs of a rule on the server, and too few of them', async () => {
      await open()
      await put('x', [1, 2])
      await put('y', [1, NaN])
      await expect(aggregate(['x', 'y'], 'inStoreMean')).rejects.toMatchObject({
        code: 'non-finite',
        message: expect.stringMatching(/"y".* at 1/)
      })
      await expect(aggregate(['x'], 'inStoreMedian')).rejects.toMatchObject({ code: 'argument' })
      expect(await store!.keys('')).toEqual(['x', 'y'])
      await vi.waitFor(() => expect(tensors()).toHaveLength(2))
    })
  })

  it('sends no number to the script that is none as a float32', async () => {
    await open()
    await put('w', [1, 2])
    await put('g', [1, 2])
    await expect(update(1e39)).rejects.toMatchObject({ code: 'non-finite' })
    expect(calls('AI.SCRIPTEXECUTE')).toEqual([])
  })

  describe('what goes wrong on the server', () => {
    it.each([
      ['INT32', [2], 8],
      ['FLOAT', [3], 12],
      ['FLOAT', [1, 2], 8]
    ])('takes no other tensor for a vector: %s %j', async (type, shape, size) => {
      await open()
      await put('x', [1, 2])
      const [key] = tensors()
      server.set(key!, type, shape, new Uint8Array(size))
      await expect(store!.get('x')).rejects.toMatchObject({ code: 'corrupt', data: { key } })
    })

    it('says which key is no tensor, and which are gone', async () => {
      await open()
      await put('x', [1, 2])
      await put('y', [1, 2])
      const [x, y] = tensors()
      server.setString(x!)
      await expect(store!.get('x')).rejects.toMatchObject({ code: 'corrupt', data: { key: x } })
      server.flush()
      await expect(store!.get('y')).rejects.toMatchObject({ code: 'missing', data: { keys: [y] } })
      await expect(store!.average(['x', 'y'], 'mean')).rejects.toMatchObject({
        code: 'missing',
        data: { keys: [x, y] }
      })
    })

    it('stores the script again when it is lost', async () => {
      await open()
      server.flush()
      await put('x', [1, 3])
      await store!.average(['x'], 'mean')
      expect(await read('mean')).toEqual([1, 3])
      expect(calls('AI.SCRIPTSTORE')).toHaveLength(2)
      server.restart()
      await put('y', [5])
      await store!.average(['y'], 'again')
      expect(await read('again')).toEqual([5])
    })

    it.each(['AI.TENSORSET', 'PEXPIRE', 'AI.SCRIPTEXECUTE', 'AI.TENSORGET'])(
      'applies nothing twice when the reply to %s is lost',
      async (command) => {
        await open()
        await put('w', [1, 2])
        server.cutAfter(command)
        await put('g', [3, -4])
        await update()
        await put('h', [7])
        // the first step of Adam is α · the sign of the gradient
        expect((await read('next')).map((value) => Math.round(1000 * value) / 1000)).toEqual([0.5, 2.5])
        expect(await read('g')).toEqual([3, -4])
        expect(tensors()).toHaveLength(6)
        for (const key of tensors()) expect(server.ttl(key)).toBeGreaterThan(0)
      }
    )

    it.each([
      ['AI.TENSORSET', 'OOM command not allowed when used memory > maxmemory', 'full'],
      ['AI.TENSORSET', 'NOPERM this user has no permissions to run the command', 'refused'],
      ['AI.SCRIPTEXECUTE', "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes", 'full'],
      ['AI.SCRIPTEXECUTE', 'MOVED 866 10.0.0.7:6379', 'unsupported'],
      ['AI.SCRIPTEXECUTE', 'ERR The following operation failed in the TorchScript interpreter', 'internal']
    ])('maps the error of %s: %s', async (command, text, code) => {
      await open()
      await put('x', [1])
      const before = await store!.usage()
      server.answerNext(command, new Failure(text))
      const work = command === 'AI.TENSORSET' ? put('y', [1]) : store!.average(['x'], 'mean')
      await expect(work).rejects.toMatchObject({ code })
      expect(await store!.keys('')).toEqual(['x'])
      if (command !== 'AI.TENSORSET') expect(await store!.usage()).toEqual(before)
    })

    it.each(['UNBLOCKED force unblock from blocking operation', 'TRYAGAIN the server pauses writes: call again'])(
      'calls again after %s',
      async (text) => {
        await open()
        await put('x', [1, 3])
        server.answerNext('AI.SCRIPTEXECUTE', new Failure(text))
        await store!.average(['x'], 'mean')
        expect(await read('mean')).toEqual([1, 3])
      }
    )

    it('takes TIMEDOUT, which is no error on the wire, for one', async () => {
      await open()
      await put('x', [1])
      server.answerNext('AI.SCRIPTEXECUTE', new Simple('TIMEDOUT'))
      await expect(store!.average(['x'], 'mean')).rejects.toMatchObject({ code: 'timeout' })
    })
  })

  it.each([
    ['no arguments after the function', ['AI.SCRIPTEXECUTE', '?', 'average']],
    ['a shape whose product overflows', ['AI.TENSORSET', 'x', 'FLOAT', '4294967296', '4294967296', 'BLOB', 'x']]
  ])('the double dies of %s, as the real one does', async (_, words) => {
    await open()
    const script = server.keys.find((key) => key.endsWith(':script'))!
    const args = words.map((word) => (word === '?' ? script : word))
    const socket = createConnection({ port: Number(new URL(server.url).port), host: '127.0.0.1' })
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(`*${args.length}\r\n${args.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
    await closed
    expect(server.crashed).toBeDefined()
  })
})
