import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from './free-port.js'
import {
  type Argument,
  ask,
  bytes,
  expectSameBits,
  LIBRARY,
  ModuleServer,
  noise,
  title,
  unavailable
} from './module-server.js'

const REGION = 262_144
const LENGTH = 2 * REGION + 11
const FLOATS = 500_000
const chunk = (x: Float32Array, region: number) => bytes(x.subarray(region * REGION, (region + 1) * REGION))

describe.skipIf(unavailable !== undefined)(title('the life of the module in a server'), () => {
  const servers: ModuleServer[] = []
  const start = async (...args: string[]) => {
    const server = new ModuleServer(args.length === 0 ? undefined : args)
    servers.push(server)
    return await server.start()
  }
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()))
  })

  /** A sealed, a staged and an accumulating vector, each long and with gaps where there can be some. */
  async function fill(server: ModuleServer): Promise<void> {
    const [x, y] = [noise(LENGTH, 1), noise(LENGTH, 2)]
    await server.set('sealed', x)
    await server.set('empty', [])
    await server.pg('SET', 'expires', bytes(x), 'PX', 600_000)
    await server.pg('STAGE', 'staged', LENGTH, REGION, chunk(x, 1), 'PX', 600_000)
    for (const region of [0, 1, 2]) {
      await server.pg('ACCUMULATE', 'acc', LENGTH, 3, 0, region * REGION, chunk(x, region))
    }
    await server.pg('ACCUMULATE', 'acc', LENGTH, 3, 1, 0, chunk(y, 0))
    await server.pg('ACCUMULATE', 'acc', LENGTH, 3, 2, 0, chunk(x, 0))
    await server.pg('ACCUMULATE', 'acc', LENGTH, 3, 1, REGION, chunk(y, 1))
  }

  /** Finishes what `fill` began: only a server that kept every region gets these results. */
  async function finish(server: ModuleServer): Promise<void> {
    const [x, y] = [noise(LENGTH, 1), noise(LENGTH, 2)]
    expectSameBits(await server.get('sealed'), x)
    expectSameBits(await server.get('expires'), x)
    expect(await server.pg('INFO', 'empty')).toEqual([0, 1, expect.any(Number)])
    for (const key of ['expires', 'staged']) {
      expect(Number(await server.ask('PTTL', key))).toBeGreaterThan(500_000)
    }
    expect(await server.ask('PTTL', 'sealed')).toBe(-1)
    for (const region of [0, 2]) await server.pg('STAGE', 'staged', LENGTH, region * REGION, chunk(x, region))
    expect(await server.pg('SEAL', 'staged', 'unstaged')).toBe('OK')
    expectSameBits(await server.get('unstaged'), x)
    for (const [index, region] of [
      [2, 1],
      [1, 2],
      [2, 2]
    ]) {
      const values = index === 1 ? y : x
      const reply = await server.pg('ACCUMULATE', 'acc', LENGTH, 3, index, region * REGION, chunk(values, region))
      expect(reply).toBe(region === 2 && index === 2 ? 'SEALED' : 'OK')
    }
    await server.set('y', y)
    await server.pg('AVERAGE', 'mean', 3, 'sealed', 'y', 'sealed')
    expect(await server.pg('SAME', 'acc', 'mean')).toBe(1)
  }

  it('keeps everything in an RDB file', async () => {
    const server = await start('--save', '', '--appendonly', 'no', '--dbfilename', 'dump.rdb')
    await fill(server)
    expect(await server.ask('SAVE')).toBe('OK')
    const digest = await server.ask('DEBUG', 'DIGEST')
    await server.halt()
    await server.start()
    expect(digest).toMatch(/^[0-9a-f]{40}$/)
    expect(await server.ask('DEBUG', 'DIGEST')).toBe(digest)
    await finish(server)
  })

  it('keeps everything in an AOF, as it was called and rewritten', async () => {
    const server = await start(
      ...['--save', '', '--appendonly', 'yes', '--aof-use-rdb-preamble', 'no', '--appendfsync', 'no']
    )
    await fill(server)
    // as it was called
    await server.halt()
    await server.start()
    expect(await server.ask('BGREWRITEAOF')).toMatch(/started|scheduled/)
    await expect
      .poll(async () => await server.ask('INFO', 'persistence'), { timeout: 10_000 })
      .toMatch(/aof_rewrite_in_progress:0[^]*aof_rewrite_scheduled:0[^]*aof_last_bgrewrite_status:ok/)
    await server.halt()
    await server.start()
    await finish(server)
  })

  it('replicates what a worker did, and nothing that failed', async () => {
    const primary = await start('--save', '', '--appendonly', 'no', '--port', '0')
    // a replica needs one
    const port = await freePort()
    expect(await primary.ask('CONFIG', 'SET', 'repl-diskless-sync-delay', '0')).toBe('OK')
    expect(await primary.ask('CONFIG', 'SET', 'port', String(port))).toBe('OK')
    const replica = await start('--save', '', '--appendonly', 'no')
    expect(await replica.ask('REPLICAOF', '127.0.0.1', String(port))).toBe('OK')
    await expect
      .poll(async () => await replica.ask('INFO', 'replication'), { timeout: 15_000 })
      .toMatch(/master_link_status:up/)
    await primary.set('v1', noise(LENGTH, 1))
    await primary.set('g', noise(LENGTH, 2))
    const step = ['UPDATE', 'v1', 'v2', 'g', LENGTH, 'MOMENTUM', 0.1, 0, 0.9, 0, 'NEXT', 'm2'] as const
    expect(await primary.pg(...step, 'PX', 600_000)).toBe('OK')
    expect(await primary.pg('FILTER', 'PARAMETER', 'v1', 'g', 'g', 'sent', 'rest', LENGTH, 1.5)).toBe('OK')
    expect(await primary.pg('UNPACK', 'sent', 'whole', LENGTH, LENGTH)).toBe('OK')
    expect(await primary.pg('PACK', 'v1', 'dense', LENGTH)).toBe('OK')
    expect(await primary.pg('SLICE', 'v1', 'part', 5, LENGTH - 5)).toBe('OK')
    expect(await primary.pg('JOIN', 'long', 2, 'part', 'v1')).toBe('OK')
    expect(await primary.pg('AVERAGE', 'g', 1, 'v1')).toBe('PGCONFLICT g holds other bits')
    expect(await primary.ask('WAIT', 1, 5000)).toBe(1)
    expect(await replica.ask('DEBUG', 'DIGEST')).toMatch(/^[0-9a-f]{40}$/)
    expect(await replica.ask('DEBUG', 'DIGEST')).toBe(await primary.ask('DEBUG', 'DIGEST'))
    const [there, here] = await Promise.all([primary, replica].map((server) => server.ask('PEXPIRETIME', 'v2')))
    expect(Math.abs(Number(there) - Number(here))).toBeLessThan(100)
    expect(Number(here)).toBeGreaterThan(0)
  })

  it('a replica takes what its primary took, whatever its own maxmemory', async () => {
    const primary = await start('--save', '', '--appendonly', 'no', '--port', '0')
    const port = await freePort()
    expect(await primary.ask('CONFIG', 'SET', 'repl-diskless-sync-delay', '0')).toBe('OK')
    expect(await primary.ask('CONFIG', 'SET', 'port', String(port))).toBe('OK')
    const replica = await start('--save', '', '--appendonly', 'no', '--maxmemory', '2mb')
    expect(await replica.ask('REPLICAOF', '127.0.0.1', String(port))).toBe('OK')
    await expect
      .poll(async () => await replica.ask('INFO', 'replication'), { timeout: 15_000 })
      .toMatch(/master_link_status:up/)
    await primary.set('a', noise(LENGTH, 1))
    for (const region of [0, 1, 2])
      await primary.pg('STAGE', 's', LENGTH, region * REGION, chunk(noise(LENGTH, 2), region))
    expect(await primary.pg('SEAL', 's', 'b')).toBe('OK')
    expect(await primary.pg('AVERAGE', 'c', 2, 'a', 'b')).toBe('OK')
    expect(await primary.ask('WAIT', 1, 5000)).toBe(1)
    expect(await replica.ask('DEBUG', 'DIGEST')).toBe(await primary.ask('DEBUG', 'DIGEST'))
  })

  it('loads all of an AOF, also when maxmemory is less by now', async () => {
    const server = await start(
      ...['--save', '', '--appendonly', 'yes', '--aof-use-rdb-preamble', 'no', '--maxmemory', '6mb']
    )
    expect(await server.ask('CONFIG', 'SET', 'maxmemory', '0')).toBe('OK')
    for (let k = 0; k < 5; k++) await server.set(`v${k}`, noise(LENGTH, k + 1))
    await server.halt()
    await server.start()
    expect(await server.ask('DBSIZE')).toBe(5)
  })

  it('is loaded once', async () => {
    const server = await start('--save', '', '--appendonly', 'no', '--enable-module-command', 'yes')
    await server.set('before', [1])
    expect(await server.ask('MODULE', 'LOAD', LIBRARY)).toMatch(/^ERR/)
    await server.set('after', [2])
    expect([...(await server.get('before')), ...(await server.get('after'))]).toEqual([1, 2])
    expect(await server.ask('DEL', 'before', 'after')).toBe(2)
    expect(await server.ask('PING')).toBe('PONG')
  })

  it('DUMP, RESTORE and COPY', async () => {
    const server = await start()
    await fill(server)
    for (const key of ['sealed', 'staged', 'acc', 'empty']) {
      const payload = (await server.redis.dumpBuffer(key))!
      expect(await server.ask('RESTORE', `${key}:again`, 0, payload)).toBe('OK')
      const again = await server.redis.dumpBuffer(`${key}:again`)
      expect(again!.equals(payload)).toBe(true)
    }
    expect(await server.ask('COPY', 'sealed', 'copied')).toBe(1)
    await server.ask('DEL', 'sealed')
    expectSameBits(await server.get('copied'), noise(LENGTH, 1))
    expect(await server.ask('COPY', 'staged', 'copied2')).toMatch(/^ERR/)
  })

  it('refuses a damaged payload, every byte of it, also when Redis finds its checksum good', async () => {
    const server = await start()
    await server.set('k', [1, 2, 3])
    await server.pg('ACCUMULATE', 'acc', 3, 2, 0, 0, bytes(Float32Array.of(1, 2, 3)))
    for (const key of ['k', 'acc']) {
      const payload = (await server.redis.dumpBuffer(key))!
      // the type's own fields: after the RDB type and module id (10 bytes), before the end mark and footer
      for (let at = 10; at < payload.length - 11; at++) {
        for (const bit of [1, 0x40, 0x80]) {
          const damaged = Buffer.from(payload)
          damaged[at] ^= bit
          expect(await server.ask('RESTORE', 'bad', 0, signed(damaged))).toMatch(/^ERR/)
        }
      }
      for (let length = 11; length < payload.length - 10; length++) {
        const cut = Buffer.concat([payload.subarray(0, length), payload.subarray(-10)])
        expect(await server.ask('RESTORE', 'bad', 0, signed(cut))).toMatch(/^ERR/)
      }
      const flipped = Buffer.from(payload)
      flipped[20] ^= 1
      expect(await server.ask('RESTORE', 'bad', 0, flipped)).toMatch(/^ERR/)
    }
    // 2^30 floats that never come, and more than any vector has
    const payload = (await server.redis.dumpBuffer('k'))!
    for (const length of [2 ** 30, 2 ** 31]) {
      const absurd = Buffer.concat([payload.subarray(0, 12), long(length), payload.subarray(14)])
      expect(await server.ask('RESTORE', 'bad', 0, signed(absurd))).toMatch(/^ERR/)
    }
    expect(await server.ask('PING')).toBe('PONG')
  })

  it('says how much memory a vector has', async () => {
    const server = await start()
    await server.set('k', noise(LENGTH, 1))
    const [, , size] = (await server.pg('INFO', 'k')) as number[]
    expect(size).toBeGreaterThanOrEqual(LENGTH * 4)
    expect(size).toBeLessThan(LENGTH * 4 + 1000)
    expect(Number(await server.ask('MEMORY', 'USAGE', 'k'))).toBeGreaterThanOrEqual(size)
  })

  /**
   * A vector that is made there of a hundredth: a long argument leaves a buffer with its client, which the server frees
   * when it comes to it.
   */
  async function make(server: ModuleServer, key: string, length: number, seed: number): Promise<Float32Array> {
    const part = noise(length / 100, seed)
    await server.set(`part of ${key}`, part)
    expect(await server.pg('JOIN', key, 100, ...Array<string>(100).fill(`part of ${key}`))).toBe('OK')
    await server.ask('DEL', `part of ${key}`)
    return Float32Array.from({ length }, (_, i) => part[i % part.length]!)
  }

  it('a full server says OOM and loses nothing; what is deleted is free again', async () => {
    const server = await start()
    const x = await make(server, 'a', FLOATS, 1)
    const used = Number(/used_memory:(\d+)/.exec(String(await server.ask('INFO', 'memory')))![1])
    await server.ask('CONFIG', 'SET', 'maxmemory', String(used + 1_000_000))
    const full = /^OOM command not allowed/
    expect(await server.pg('AVERAGE', 'b', 1, 'a')).toMatch(full)
    expect(await server.pg('AGGREGATE', 'b', 'MEAN', 0, 1, 'a')).toMatch(full)
    expect(await server.pg('UPDATE', 'a', 'b', 'a', 1, 'SGD', 1, 0)).toMatch(full)
    expect(await server.pg('STAGE', 'b', x.length, 0, '')).toMatch(full)
    expect(await server.pg('STAGE', 'b', 2 ** 30, 0, '')).toMatch(full)
    expect(await server.pg('ACCUMULATE', 'b', x.length, 2, 0, 0, '')).toMatch(full)
    expect(await server.pg('FILTER', 'MODEL', 'a', 'a', 'a', 'b', 'c', x.length, 1)).toMatch(full)
    expect(await server.pg('PACK', 'a', 'b', x.length)).toMatch(full)
    expect(await server.pg('SLICE', 'a', 'b', 0, x.length)).toMatch(full)
    expect(await server.pg('JOIN', 'b', 2, 'a', 'a')).toMatch(full)
    const client = server.connect()
    expect(await ask(client, 'PEERGRAD.SET', 'b', bytes(x))).toMatch(full)
    client.disconnect()
    expect(await server.ask('DBSIZE')).toBe(1)
    expectSameBits(await server.get('a'), x)
    // the freed buffer is kept for reuse, but given back before an allocation is refused
    await server.ask('DEL', 'a')
    await expect.poll(() => server.pg('STAGE', 'b', 300_000, 0, '')).toBe('OK')
  })

  it.each<[string, number, (to: string) => (string | number)[]]>([
    ['PACK', 1.5, (to) => ['PACK', 'x', to, FLOATS]],
    ['UNPACK', 1.5, (to) => ['UNPACK', 'sparse', to, FLOATS, FLOATS]],
    ['FILTER', 4.5, (to) => ['FILTER', 'MODEL', 'x', 'x', 'x', to, `${to} rest`, FLOATS, 1]],
    ['CLIP', 3.5, (to) => ['AGGREGATE', to, 'CLIP', FLOATS, 1, 'x', 'TAU', 1, 'ITERATIONS', 1, 'MEDIAN', 0]]
  ])('room that one %s waits to take is not given to another', async (_, vectors, call) => {
    const server = await start()
    await make(server, 'x', FLOATS, 1)
    await server.set('zeros', new Float32Array(FLOATS / 100))
    await server.pg('JOIN', 'wide zeros', 100, ...Array<string>(100).fill('zeros'))
    await server.pg('PACK', 'wide zeros', 'sparse', FLOATS)
    // Krum needs no memory beside its output
    const { done: busy } = await occupy(server, 'KRUM')
    const used = Number(/used_memory:(\d+)/.exec(String(await server.ask('INFO', 'memory')))![1])
    await server.ask('CONFIG', 'SET', 'maxmemory', String(used + vectors * 4 * FLOATS))
    const first = ask(server.connect(), `PEERGRAD.${String(call('first')[0])}`, ...call('first').slice(1))
    await blocked(server, 2)
    expect(await server.pg(...(call('second') as [string, ...Argument[]]))).toMatch(/^OOM command not allowed/)
    expect(await busy).toBe('OK')
    expect(await first).toBe('OK')
    // what the first did not need, or has made by now, is free again
    await server.ask('DEL', 'first', 'first rest')
    await expect.poll(() => server.pg(...(call('second') as [string, ...Argument[]]))).toBe('OK')
  })

  /** Gives the worker thread some hundred milliseconds of work, and waits until it has begun. */
  async function occupy(server: ModuleServer, work: 'CLIP' | 'KRUM' = 'CLIP'): Promise<{ done: Promise<unknown> }> {
    const length = 3_000_000
    await Promise.all([1, 2].map((seed) => make(server, `v${seed}`, length, seed)))
    const rule =
      work === 'CLIP'
        ? [2, 'v1', 'v2', 'TAU', 1, 'ITERATIONS', 100, 'MEDIAN', 1]
        : [30, ...Array<string[]>(15).fill(['v1', 'v2']).flat(), 'F', 0]
    const done = ask(server.connect(), 'PEERGRAD.AGGREGATE', 'busy', work, length, ...rule)
    await blocked(server, 1)
    return { done }
  }

  const blocked = (server: ModuleServer, clients: number) =>
    expect
      .poll(() => server.ask('INFO', 'clients'), { interval: 5, timeout: 10_000 })
      .toMatch(`blocked_clients:${clients}`)

  it('answers others while a long update runs', async () => {
    const server = await start()
    const done: string[] = []
    const long = server.connect()
    const other = server.connect()
    const busy = (await occupy(server)).done.then(() => done.push('busy'))
    const update = ask(long, 'PEERGRAD.UPDATE', 'v1', 'v3', 'v2', 3_000_000, 'SGD', 0.1, 0).then(() =>
      done.push('update')
    )
    await ask(other, 'PING')
    done.push('ping')
    await Promise.all([busy, update])
    expect(done).toEqual(['ping', 'busy', 'update'])
  })

  it('rules that read few floats many times are no work for the thread that answers', async () => {
    const server = await start()
    const { done: busy } = await occupy(server)
    await server.set('short', noise(60, 1))
    const repeated = (n: number) => [60, n, ...Array<string>(n).fill('short')] as const
    const clip = ['TAU', 1, 'ITERATIONS', 1000, 'MEDIAN', 0] as const
    const calls = [
      ask(server.connect(), 'PEERGRAD.AGGREGATE', 'krum', 'KRUM', ...repeated(1000), 'F', 0),
      ask(server.connect(), 'PEERGRAD.AGGREGATE', 'clip', 'CLIP', ...repeated(60), ...clip)
    ]
    await blocked(server, 1 + calls.length)
    expect(await Promise.all([busy, ...calls])).toEqual(['OK', 'OK', 'OK'])
  })

  it('inputs that go while a worker reads them are missed at the end, and nothing is made', async () => {
    const server = await start()
    const { done: busy } = await occupy(server)
    const clients = [server.connect(), server.connect()]
    const average = ask(clients[0], 'PEERGRAD.AVERAGE', 'to', 2, 'v1', 'v2')
    const digest = ask(clients[1], 'PEERGRAD.DIGEST', 'v1')
    await blocked(server, 3)
    await server.ask('FLUSHALL', 'ASYNC')
    expect(await average).toBe('PGMISSING v1 v2')
    expect(await digest).toMatch(/^[0-9a-f]{64}$/)
    expect(await busy).toBe('PGMISSING v1 v2')
    expect(await server.ask('DBSIZE')).toBe(0)
  })

  it('a staged vector that goes while a worker compares it is missed by its name', async () => {
    const server = await start()
    const x = noise(LENGTH, 5)
    await server.set('sealed', x)
    for (const region of [0, 1, 2]) await server.pg('STAGE', 's', LENGTH, region * REGION, chunk(x, region))
    const { done: busy } = await occupy(server)
    const seal = ask(server.connect(), 'PEERGRAD.SEAL', 's', 'sealed')
    await blocked(server, 2)
    expect(await server.ask('UNLINK', 's')).toBe(1)
    expect(await seal).toBe('PGMISSING s')
    expect(await busy).toBe('OK')
  })

  it('publishes nothing while writes are paused, and can be asked again', async () => {
    const server = await start('--save', '', '--appendonly', 'yes')
    const { done } = await occupy(server)
    expect(await server.ask('CLIENT', 'PAUSE', 60_000, 'WRITE')).toBe('OK')
    expect(await done).toBe('TRYAGAIN the server pauses writes: call again')
    expect(await server.ask('CLIENT', 'UNPAUSE')).toBe('OK')
    expect(await server.ask('EXISTS', 'busy')).toBe(0)
    expect(await server.pg('AVERAGE', 'busy', 1, 'v1')).toBe('OK')
  })

  it('two clients that compute the same at once: one makes it, the other finds it', async () => {
    const server = await start()
    const { done: busy } = await occupy(server)
    const calls = [1, 2].map(() => ask(server.connect(), 'PEERGRAD.AVERAGE', 'to', 2, 'v1', 'v2'))
    await blocked(server, 3)
    expect((await Promise.all(calls)).sort()).toEqual(['OK', 'SAME'])
    expect(await busy).toBe('OK')
  })

  it('a client that leaves in the middle breaks nothing, and what it asked for is not made', async () => {
    const server = await start()
    const x = noise(LENGTH, 5)
    await server.set('sealed', x)
    for (const region of [0, 1, 2]) await server.pg('STAGE', 's', LENGTH, region * REGION, chunk(x, region))
    const { done: busy } = await occupy(server)
    const calls = [
      ['AVERAGE', 'to', 2, 'v1', 'v2'],
      ['SET', 'set', bytes(noise(LENGTH, 3))],
      ['SEAL', 's', 'sealed'],
      ['READ', 'v1', 0, 3_000_000],
      ['FILTER', 'PARAMETER', 'v1', 'v2', 'v1', 'sent', 'rest', 3_000_000, 1],
      ['PACK', 'v1', 'packed', 3_000_000],
      ['JOIN', 'joined', 2, 'v1', 'v2']
    ] as const
    const leaving = calls.map(([command, ...args]) => {
      const client = server.connect()
      return { client, reply: ask(client, `PEERGRAD.${command}`, ...args) }
    })
    await blocked(server, 1 + calls.length)
    for (const { client } of leaving) client.disconnect()
    await blocked(server, 1)
    expect(await busy).toBe('OK')
    expect(await server.pg('AVERAGE', 'last', 2, 'v1', 'v2')).toBe('OK')
    expect(await server.ask('EXISTS', 'to', 'set', 'sent', 'rest', 'packed', 'joined')).toBe(0)
    expect(await server.pg('SEAL', 's', 'sealed')).toBe('SAME')
    await Promise.all(leaving.map(({ reply }) => reply))
  })
})

/** With the footer's CRC-64 (Jones, reflected, as Redis computes it) made good. */
function signed(payload: Buffer): Buffer {
  let crc = 0n
  for (const byte of payload.subarray(0, -8)) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n
  }
  const out = Buffer.from(payload)
  out.writeBigUInt64LE(crc, out.length - 8)
  return out
}

/** An RDB length of 32 bits, after the mark of an unsigned number. */
function long(value: number): Buffer {
  const out = Buffer.alloc(6)
  out[0] = 2
  out[1] = 0x80
  out.writeUInt32BE(value >>> 0, 2)
  return out
}
