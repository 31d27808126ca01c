import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Argument, ask, bytes, expectSameBits, ModuleServer, noise, title, unavailable } from './module-server.js'

const REGION = 262_144
const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'
const words = (...values: number[]) => bytes(new Float32Array(Uint32Array.from(values).buffer))
const blob = (...values: number[]) => bytes(Float32Array.from(values))

describe.skipIf(unavailable !== undefined)(title('commands of the module'), () => {
  let server: ModuleServer
  const pg = (command: string, ...args: Argument[]) => server.pg(command, ...args)

  beforeAll(async () => {
    server = await new ModuleServer().start()
  })
  afterAll(async () => await server.stop())
  beforeEach(async () => {
    await server.ask('FLUSHALL')
  })

  const ttl = async (key: string) => Number(await server.ask('PTTL', key))
  const exists = async (...keys: string[]) => await server.ask('EXISTS', ...keys)

  describe('SET', () => {
    it('makes a vector once', async () => {
      expect(await pg('SET', 'k', blob(1, 2), 'PX', 50_000)).toBe('OK')
      expect(await ttl('k')).toBeGreaterThan(0)
      expect(await pg('SET', 'k', blob(1, 2), 'PX', 1)).toBe('SAME')
      expect(await ttl('k')).toBeGreaterThan(1000)
      expect(await pg('SET', 'k', blob(1, 3))).toBe('PGCONFLICT k holds other bits')
      expectSameBits(await server.get('k'), Float32Array.of(1, 2))
    })
    it('also when it is long, on the worker', async () => {
      const x = noise(100_000, 1)
      expect(await pg('SET', 'k', bytes(x))).toBe('OK')
      expect(await pg('SET', 'k', bytes(x))).toBe('SAME')
      expect(await pg('SET', 'k', bytes(noise(100_000, 2)))).toBe('PGCONFLICT k holds other bits')
      expectSameBits(await server.get('k'), x)
    })
    it('refuses what is none', async () => {
      expect(await pg('SET', 'k', 'abc')).toBe(
        'PGSHAPE got a blob of 3 bytes, expected whole float32 values, at most 1073741824'
      )
      expect(await pg('SET', 'k', '', 'PX')).toBe('PGARGUMENT PX: got nothing, expected milliseconds after it')
      expect(await pg('SET', 'k', '', 'PX', 0)).toMatch(/^PGARGUMENT PX: got "0", expected a whole number from 1 /)
      expect(await pg('SET', 'k', '', 'EX', 1)).toBe('PGARGUMENT option: got "EX", expected PX milliseconds or nothing')
      await server.ask('SET', 'text', 'abcd')
      expect(await pg('SET', 'text', blob(1))).toBe(WRONGTYPE)
      expect(await exists('k')).toBe(0)
      expect(await pg('SET', 'k', '')).toBe('OK')
      expect(await pg('INFO', 'k')).toEqual([0, 1, expect.any(Number)])
    })
    it('the key expires', async () => {
      await pg('SET', 'k', blob(1), 'PX', 1)
      await expect.poll(async () => await exists('k')).toBe(0)
    })
  })

  describe('STAGE and SEAL', () => {
    const x = noise(REGION + 7, 3)
    const [first, second] = [bytes(x.subarray(0, REGION)), bytes(x.subarray(REGION))]

    it('put a vector together, in any order, and move it', async () => {
      expect(await pg('STAGE', 's', x.length, REGION, second)).toBe('OK')
      expect(await ttl('s')).toBeGreaterThan(50_000)
      expect(await pg('SEAL', 's', 'k')).toBe('PGINCOMPLETE got 1 regions of 262144 floats, expected 2')
      expect(await pg('READ', 's', 0, 1)).toBe('PGMISSING s')
      expect(await pg('STAGE', 's', x.length, 0, first)).toBe('OK')
      expect(await pg('STAGE', 's', x.length, 0, first)).toBe('OK')
      expect(await pg('STAGE', 's', x.length, 0, bytes(noise(REGION, 9)))).toBe(
        'PGCONFLICT the chunk was written with other bits'
      )
      expect(await pg('INFO', 's')).toEqual([x.length, 0, expect.any(Number)])
      expect(await pg('SEAL', 's', 'k')).toBe('OK')
      expect(await exists('s')).toBe(0)
      expect(await ttl('k')).toBe(-1)
      expectSameBits(await server.get('k'), x)
      // the reply was lost: the same call again
      expect(await pg('SEAL', 's', 'k')).toBe('SAME')
    })
    it('SEAL compares with what is there', async () => {
      const stage = async () => {
        await pg('STAGE', 's', x.length, 0, bytes(x))
      }
      await stage()
      expect(await pg('SEAL', 's', 'k', 'PX', 90_000)).toBe('OK')
      expect(await ttl('k')).toBeGreaterThan(60_000)
      await stage()
      expect(await pg('SEAL', 's', 'k')).toBe('SAME')
      expect(await exists('s')).toBe(0)
      await server.set('other', noise(x.length, 4))
      await stage()
      expect(await pg('SEAL', 's', 'other')).toBe('PGCONFLICT other holds other bits')
      expect(await exists('s')).toBe(1)
      expect(await pg('SEAL', 's', 's')).toBe('OK')
      expect(await pg('SEAL', 's', 's')).toBe('SAME')
      expect(await pg('STAGE', 's', x.length, 0, bytes(x))).toBe('PGCONFLICT the staging key is sealed')
    })
    it('refuse what does not fit', async () => {
      expect(await pg('SEAL', 's', 'k')).toBe('PGMISSING s')
      expect(await pg('STAGE', 's', 10, 1, blob(1))).toMatch(/^PGARGUMENT offset: got a chunk from 1 to 2/)
      expect(await pg('STAGE', 's', 10, 0, blob(1))).toMatch(/^PGARGUMENT offset: got a chunk from 0 to 1/)
      expect(await pg('STAGE', 's', 1, 0, blob(1, 2))).toBe(
        'PGSHAPE got 2 floats at 0, expected no more than the length, 1'
      )
      expect(await pg('STAGE', 's', 5 * REGION, 0, Buffer.alloc(5 * REGION * 4))).toMatch(/^PGARGUMENT blob/)
      expect(await exists('s')).toBe(0)
      await pg('STAGE', 's', 2, 0, blob(1, 2))
      expect(await pg('STAGE', 's', 1, 0, blob(1))).toBe('PGSHAPE s has 2 floats, got a chunk of a vector of 1')
      await pg('ACCUMULATE', 'a', 1, 2, 0, 0, blob(1))
      expect(await pg('STAGE', 'a', 1, 0, blob(1))).toBe('PGCONFLICT a is written by another command')
      expect(await pg('SEAL', 'a', 'k')).toBe('PGCONFLICT the staging key is not a staged vector')
      await server.ask('SET', 'text', 'x')
      expect(await pg('STAGE', 'text', 1, 0, blob(1))).toBe(WRONGTYPE)
      expect(await pg('SEAL', 'text', 'k')).toBe(WRONGTYPE)
      expect(await pg('SEAL', 's', 'text')).toBe(WRONGTYPE)
      expect(await pg('STAGE', 'empty', 0, 0, '')).toBe('OK')
      expect(await pg('SEAL', 'empty', 'none')).toBe('OK')
    })
  })

  it('READ gives a range, short or long', async () => {
    const x = noise(3 * REGION, 5)
    await server.set('k', x)
    const read = async (offset: number, count: number) =>
      (await server.redis.callBuffer('PEERGRAD.READ', 'k', offset, count)) as Buffer
    expect((await read(5, 7)).equals(bytes(x.subarray(5, 12)))).toBe(true)
    expect((await read(1, 2 * REGION)).equals(bytes(x.subarray(1, 1 + 2 * REGION)))).toBe(true)
    expect(await pg('READ', 'k', x.length, 0)).toBe('')
    expect(await pg('READ', 'k', 1, x.length)).toBe(
      `PGSHAPE got ${x.length} floats from 1, expected no more than the length, ${x.length}`
    )
    expect(await pg('INFO', 'none')).toBeNull()
    await server.ask('SET', 'text', 'x')
    for (const reply of [pg('READ', 'text', 0, 0), pg('INFO', 'text'), pg('DIGEST', 'text'), pg('SAME', 'k', 'text')]) {
      expect(await reply).toBe(WRONGTYPE)
    }
  })

  describe('AVERAGE and AGGREGATE', () => {
    beforeEach(async () => {
      await server.set('a', [1, 2])
      await server.set('b', [3, 6])
      await server.set('long', [1, 2, 3])
      await pg('STAGE', 'staged', 2, 0, blob(1, 2))
    })

    it('say what is missing, all of it', async () => {
      expect(await pg('AVERAGE', 'to', 4, 'x', 'a', 'staged', 'y')).toBe('PGMISSING x staged y')
      expect(await pg('AVERAGE', 'to', 1, 'line\r\n+OK')).toBe('PGMISSING line??+OK')
      expect(await exists('to')).toBe(0)
    })
    it('AVERAGE takes as many as a peer may have minibatches', async () => {
      await server.set('many', [1, 2])
      expect(await server.pg('AVERAGE', 'mean:many', 20_000, ...Array<string>(20_000).fill('many'))).toBe('OK')
      expect([...(await server.get('mean:many'))]).toEqual([1, 2])
    })

    it('are idempotent, and never overwrite', async () => {
      expect(await pg('AVERAGE', 'to', 2, 'a', 'b', 'PX', 90_000)).toBe('OK')
      expect(await pg('AVERAGE', 'to', 2, 'a', 'b')).toBe('SAME')
      expect(await ttl('to')).toBeGreaterThan(60_000)
      expect(await pg('AVERAGE', 'to', 1, 'a')).toBe('PGCONFLICT to holds other bits')
      expect(await pg('AVERAGE', 'staged', 1, 'a')).toBe('PGCONFLICT staged is not sealed')
      expect(await pg('AVERAGE', 'a', 1, 'a')).toBe('SAME')
      expectSameBits(await server.get('to'), Float32Array.of(2, 4))
    })
    it.each<[Argument[], string]>([
      [['AVERAGE', 'to', 0, 'a'], 'PGARGUMENT n: got "0", expected a whole number from 1 to 1000000'],
      [['AVERAGE', 'to', 3, 'a', 'b'], 'PGARGUMENT n: got 2 keys, expected 3'],
      [['AVERAGE', 'to', 2, 'a', 'long'], 'PGSHAPE long: got 3 floats, expected 2'],
      [['AVERAGE', 'to', 1, 'a', 'b'], 'PGARGUMENT option: got "b", expected PX milliseconds or nothing'],
      [['AGGREGATE', 'to', 'WEIGHTED', 0, 2, 'a', 'b', 'WEIGHTS', 1], 'PGARGUMENT WEIGHTS: got 1, expected 2'],
      [
        ['AGGREGATE', 'to', 'WEIGHTED', 0, 1, 'a', 'WEIGHTS', 0],
        'PGARGUMENT WEIGHTS: got a sum of 0, expected a finite sum above 0'
      ],
      [
        ['AGGREGATE', 'to', 'WEIGHTED', 0, 1, 'a', 'WEIGHTS', 'nan'],
        'PGARGUMENT WEIGHTS: got "nan", expected a finite number from 0'
      ],
      [
        ['AGGREGATE', 'to', 'WEIGHTED', 0, 1, 'a'],
        'PGARGUMENT WEIGHTS: got nothing, expected a value for rule WEIGHTED'
      ],
      [
        ['AGGREGATE', 'to', 'MODE', 0, 1, 'a'],
        'PGARGUMENT rule: got "MODE", expected MEAN, WEIGHTED, MEDIAN, TRIMMED, MEAMED, KRUM, MULTIKRUM or CLIP'
      ],
      [['AGGREGATE', 'to', 'MEAN', 3, 1, 'a'], 'PGSHAPE parameters: got 3, expected at most the length, 2'],
      [['AGGREGATE', 'to', 'KRUM', 0, 1, 'a'], 'PGARGUMENT F: got nothing, expected a value for rule KRUM'],
      [
        ['AGGREGATE', 'to', 'MULTIKRUM', 0, 1, 'a', 'F', 1],
        'PGARGUMENT M: got nothing, expected a value for rule MULTIKRUM'
      ],
      [
        ['AGGREGATE', 'to', 'KRUM', 0, 2, 'a', 'b', 'F', 0],
        'PGARGUMENT F: got 0 for 2 inputs, expected at least 3 inputs for KRUM'
      ],
      [
        ['AGGREGATE', 'to', 'MULTIKRUM', 0, 3, 'a', 'a', 'b', 'F', 0, 'M', 4],
        'PGARGUMENT M: got 4, expected at most the number of inputs, 3'
      ],
      [
        ['AGGREGATE', 'to', 'TRIMMED', 0, 2, 'a', 'b', 'F', 1],
        'PGARGUMENT F: got 1 for 2 inputs, expected at least 3 inputs for TRIMMED'
      ],
      [
        ['AGGREGATE', 'to', 'CLIP', 0, 1, 'a', 'TAU', 0, 'ITERATIONS', 1],
        'PGARGUMENT TAU: got "0", expected a number above 0'
      ],
      [
        ['AGGREGATE', 'to', 'MEAN', 0, 1, 'a', 'F', 1],
        'PGARGUMENT option: got "F", expected none but those that the rule needs'
      ],
      [
        ['AGGREGATE', 'to', 'MEDIAN', 0, 65, ...Array<string>(65).fill('a')],
        'PGARGUMENT n: got "65", expected a whole number from 1 to 64'
      ]
    ])('%j', async ([command, ...args], message) => {
      expect(await pg(String(command), ...args)).toBe(message)
      expect(await exists('to')).toBe(0)
    })
    it('AGGREGATE names what is not finite', async () => {
      await server.set('bad', [0, NaN])
      expect(await pg('AGGREGATE', 'to', 'MEDIAN', 1, 2, 'a', 'bad')).toBe('PGNONFINITE bad 1')
      expect(await exists('to')).toBe(0)
    })
  })

  describe('UPDATE', () => {
    beforeEach(async () => {
      await server.set('v1', [1, 2, 9])
      await server.set('g', [1, 1, 5])
    })
    const update = (from: string, to: string, ...rest: Argument[]) =>
      pg(
        'UPDATE',
        ...[from, to, 'g', 2, 'MOMENTUM', 0.5, 0, 0.9, 0],
        ...(from === 'v1' ? [] : ['STATE', `${from}:state:0`]),
        ...['NEXT', `${to}:state:0`],
        ...rest
      )

    it('makes all keys, or changes nothing', async () => {
      expect(await update('v1', 'v2', 'PX', 90_000)).toBe('OK')
      expectSameBits(await server.get('v2'), Float32Array.of(0.5, 1.5, 5))
      expectSameBits(await server.get('v2:state:0'), Float32Array.of(1, 1))
      expect(await ttl('v2:state:0')).toBeGreaterThan(60_000)
      expect(await update('v1', 'v2')).toBe('SAME')
      expect(await update('v2', 'v3')).toBe('OK')
      expectSameBits(await server.get('v3:state:0'), Float32Array.of(Math.fround(1.9), Math.fround(1.9)))
      await server.ask('DEL', 'v2:state:0')
      expect(await update('v1', 'v2')).toBe('OK')
      expect(await exists('v2', 'v2:state:0')).toBe(2)
    })
    it('a conflict of one output leaves the others unmade', async () => {
      await server.set('v2:state:0', [7, 7])
      expect(await update('v1', 'v2')).toBe('PGCONFLICT v2:state:0 holds other bits')
      expect(await exists('v2')).toBe(0)
    })
    it('refuses what does not fit', async () => {
      const adam = [1, 2, 3, 4, 5, 6, 7, 8, 9]
      expect(
        await pg('UPDATE', 'x', 'v2', 'y', 2, 'ADAM', ...adam, 'STATE', 'x:m', 'x:v', 'NEXT', 'v2:m', 'v2:v')
      ).toBe('PGMISSING x y x:m x:v')
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'ADAM', ...adam)).toBe(
        'PGARGUMENT NEXT: got nothing, expected 2 keys for the state of ADAM'
      )
      for (const options of [['NEXT', 'a'], ['NEXT', 'a', 'b', 'NEXT', 'a', 'b'], ['FRESH']])
        expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'ADAM', ...adam, ...options)).toMatch(/^PGARGUMENT option/)
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'SGD', 1, 0, 'NEXT', 'a')).toMatch(/^PGARGUMENT option/)
      await server.set('short', [1])
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'MOMENTUM', 1, 0, 0, 0, 'STATE', 'short', 'NEXT', 'n')).toBe(
        'PGSHAPE short: got 1 floats, expected 2'
      )
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 4, 'SGD', 1, 0)).toBe(
        'PGSHAPE parameters: got 4, expected at most the length, 3'
      )
      expect(await pg('UPDATE', 'v1', 'v2', 'short', 0, 'SGD', 1, 0)).toMatch(/^PGSHAPE short/)
      expect(await pg('UPDATE', 'v1', 'v1', 'g', 2, 'SGD', 1, 0)).toMatch(/^PGARGUMENT to: got "v1"/)
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'SGD', '1e99', 0)).toBe(
        'PGARGUMENT alpha: got "1e99", expected a number that is a finite float32'
      )
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'ADAM', 1, 2)).toBe(
        'PGARGUMENT ADAM: got 2 coefficients, expected 9'
      )
      expect(await pg('UPDATE', 'v1', 'v2', 'g', 2, 'RMS', 1, 2)).toMatch(/^PGARGUMENT optimiser/)
      expect(await exists('v2')).toBe(0)
    })
    it('refuses one key for two results', async () => {
      const update = ['UPDATE', 'v1', 'v2', 'g', 2, 'ADAM', 1, 0, 1, 0.9, 0.1, 0.9, 0.1, 1, 1, 'NEXT'] as const
      for (const [twice, ...next] of [
        ['v2', 'v2', 'v'],
        ['v2', 'm', 'v2'],
        ['m', 'm', 'm']
      ] as const)
        expect(await pg(...update, ...next)).toBe(
          `PGARGUMENT output: got "${twice}", expected a key of its own for each result`
        )
      expect(await exists('v2', 'm', 'v')).toBe(0)
    })
    it('needs the right to every key, also of the state', async () => {
      await server.ask('ACL', 'SETUSER', 'narrow', 'on', '>secret', '+@all', '~v1', '~g', '~v2')
      const narrow = server.connect()
      expect(await ask(narrow, 'AUTH', 'narrow', 'secret')).toBe('OK')
      const args = ['v1', 'v2', 'g', 2, 'MOMENTUM', 1, 0, 0, 0, 'NEXT', 'other']
      expect(await ask(narrow, 'PEERGRAD.UPDATE', ...args)).toMatch(/^NOPERM/)
      const script = `return redis.call('PEERGRAD.UPDATE', ${args.map((value) => `'${value}'`).join(',')})`
      expect(await ask(narrow, 'EVAL', script, 0)).toMatch(
        /can't access at least one of the keys|ACL failure in script/
      )
      expect(await ask(narrow, 'PEERGRAD.UPDATE', 'v1', 'v2', 'g', 2, 'SGD', 1, 0)).toBe('OK')
    })
  })

  describe('ACCUMULATE', () => {
    it('applies each contribution once, in order', async () => {
      const add = (index: number, ...values: number[]) => pg('ACCUMULATE', 'acc', 2, 3, index, 0, blob(...values))
      expect(await add(1, 1, 1)).toBe('PGORDER region 0: got contribution 1, expected 0')
      expect(await exists('acc')).toBe(0)
      expect(await add(0, 1, 2)).toBe('OK')
      expect(await add(0, 1, 2)).toBe('DUPLICATE')
      expect(await add(2, 5, 5)).toBe('PGORDER region 0: got contribution 2, expected 1')
      expect(await pg('READ', 'acc', 0, 1)).toBe('PGMISSING acc')
      expect(await add(1, 3, 3)).toBe('OK')
      expect(await pg('ACCUMULATE', 'acc', 2, 4, 2, 0, blob(1, 1))).toBe(
        'PGCONFLICT acc has another number of contributions'
      )
      expect(await add(2, 5, 4)).toBe('SEALED')
      expect(await add(2, 5, 4)).toBe('DUPLICATE')
      expectSameBits(await server.get('acc'), Float32Array.of(3, 3))
      expect(await pg('ACCUMULATE', 'acc', 3, 3, 2, 0, blob(1, 1, 1))).toMatch(/^PGSHAPE/)
    })
    it('keeps the expiry that it was made with', async () => {
      await pg('ACCUMULATE', 'acc', 1, 2, 0, 0, blob(1), 'PX', 90_000)
      expect(await ttl('acc')).toBeGreaterThan(60_000)
      expect(await pg('ACCUMULATE', 'acc', 1, 2, 1, 0, blob(2), 'PX', 1)).toBe('SEALED')
      expect(await ttl('acc')).toBeGreaterThan(60_000)
      expect(await pg('ACCUMULATE', 'one', 0, 1, 0, 0, '')).toBe('SEALED')
      expect(await pg('ACCUMULATE', 'one', 1, 1, 1, 0, blob(1))).toMatch(/^PGARGUMENT index/)
    })
  })

  it('names its keys to the server', async () => {
    const keys = async (command: string, ...args: Argument[]) =>
      await server.ask('COMMAND', 'GETKEYS', `PEERGRAD.${command}`, ...args)
    expect(await keys('SET', 'k', 'b')).toEqual(['k'])
    expect(await keys('SEAL', 's', 'k')).toEqual(['s', 'k'])
    expect(await keys('AVERAGE', 'to', 2, 'a', 'b', 'PX', 9)).toEqual(['to', 'a', 'b'])
    expect(await keys('AGGREGATE', 'to', 'KRUM', 5, 2, 'a', 'b', 'F', 0)).toEqual(['to', 'a', 'b'])
    expect(await keys('UPDATE', 'v1', 'v2', 'g', 5, 'SGD', 1, 0, 'NEXT', 'h')).toEqual(['v1', 'v2', 'g'])
    const momentum = ['UPDATE', 'v1', 'v2', 'g', 5, 'MOMENTUM', 1, 0, 0, 0] as const
    expect(await keys(...momentum, 'STATE', 'NEXT', 'NEXT', 'n', 'PX', 9)).toEqual(['v1', 'v2', 'g', 'NEXT', 'n'])
    expect(await keys('FILTER', 'MODEL', 'm', 'u', 'r', 's', 't', 1, 1)).toEqual(['m', 'u', 'r', 's', 't'])
    expect(await keys('PACK', 'a', 'b', 1)).toEqual(['a', 'b'])
    expect(await keys('UNPACK', 'a', 'b', 1, 2)).toEqual(['a', 'b'])
    expect(await keys('SLICE', 'a', 'b', 1, 2)).toEqual(['a', 'b'])
    expect(await keys('JOIN', 'to', 2, 'a', 'b', 'PX', 9)).toEqual(['to', 'a', 'b'])
    expect(await keys('SAME', 'a', 'b')).toEqual(['a', 'b'])
    expect(await keys('AVERAGE', 'to', 999, 'a')).toEqual(['to', 'a'])
  })

  it('lets a user read who may read only', async () => {
    await server.set('k', [1])
    await server.ask('ACL', 'SETUSER', 'reader', 'on', '>secret', '+@all', '%R~*')
    const reader = server.connect()
    await ask(reader, 'AUTH', 'reader', 'secret')
    expect(await ask(reader, 'PEERGRAD.VERIFY', 'k')).toHaveLength(3)
    expect(await ask(reader, 'PEERGRAD.SET', 'k', blob(1))).toMatch(/^NOPERM/)
  })

  it('runs at once in MULTI and in scripts, where nothing may block', async () => {
    const x = noise(100_000, 6)
    await server.set('a', x)
    const replies = await server.redis
      .multi()
      .call('PEERGRAD.AVERAGE', 'm', 1, 'a')
      .call('PEERGRAD.DIGEST', 'm')
      .call('PEERGRAD.READ', 'nothing', 0, 0)
      .exec()
    expect(replies!.map(([error, reply]) => error?.message ?? reply)).toEqual([
      'OK',
      expect.stringMatching(/^[0-9a-f]{64}$/),
      'PGMISSING nothing'
    ])
    const script = `return redis.call('PEERGRAD.AVERAGE', 'l', 1, 'a')`
    expect(await server.ask('EVAL', script, 0)).toBe('OK')
    expect(await pg('SAME', 'l', 'm')).toBe(1)
  })

  it('survives whatever arguments it is given', async () => {
    const commands: [string, Argument[]][] = [
      ['SET', ['f:k', blob(1, 2), 'PX', 1000]],
      ['STAGE', ['f:s', 2, 0, blob(1, 2), 'PX', 1000]],
      ['SEAL', ['f:s', 'f:k', 'PX', 1000]],
      ['READ', ['f:a', 0, 1]],
      ['INFO', ['f:a']],
      ['AVERAGE', ['f:to', 2, 'f:a', 'f:b', 'PX', 1000]],
      ['AGGREGATE', ['f:to', 'WEIGHTED', 1, 2, 'f:a', 'f:b', 'WEIGHTS', 1, 2, 'PX', 1000]],
      ['AGGREGATE', ['f:to', 'MULTIKRUM', 1, 4, 'f:a', 'f:b', 'f:a', 'f:b', 'F', 1, 'M', 2, 'PX', 1000]],
      ['AGGREGATE', ['f:to', 'CLIP', 1, 2, 'f:a', 'f:b', 'TAU', 1, 'ITERATIONS', 2, 'MEDIAN', 1]],
      ['UPDATE', ['f:a', 'f:to', 'f:b', 1, 'ADAM', 1, 2, 3, 4, 5, 6, 7, 8, 9, 'NEXT', 'f:m', 'f:v', 'PX', 1000]],
      ['ACCUMULATE', ['f:acc', 2, 2, 0, 0, blob(1, 2), 'PX', 1000, 'RESTORED']],
      ['FILTER', ['PARAMETER', 'f:a', 'f:b', 'f:a', 'f:s', 'f:r', 2, 1, 'FRESH', 'PX', 1000]],
      ['PACK', ['f:a', 'f:p', 2, 'PX', 1000]],
      ['UNPACK', ['f:packed', 'f:u', 3, 4, 'PX', 1000]],
      ['SLICE', ['f:a', 'f:to', 1, 1, 'PX', 1000]],
      ['JOIN', ['f:to', 2, 'f:a', 'f:b', 'PX', 1000]],
      ['DIGEST', ['f:a']],
      ['VERIFY', ['f:a']],
      ['SAME', ['f:a', 'f:b']]
    ]
    await server.set('f:a', [1, 2])
    await server.set('f:b', [3, 4])
    await pg('SET', 'f:packed', words(1, 2, 7))
    const absurd = fc.constantFrom<Argument>(
      ...['', 'nan', '-inf', '1e400', '0x10', ' 1', '-1', '9223372036854775807', '-9223372036854775808', '2147483648'],
      ...['1073741824', '1073741825', 'PX', 'NEXT', 'WEIGHTS', 'F', 'f:none', 'a\0b', '\r\n', 'x'.repeat(5000)]
    )
    const call = fc.tuple(
      fc.constantFrom(...commands),
      fc.nat(20),
      fc.array(fc.tuple(fc.nat(20), absurd), { maxLength: 3 }),
      fc.array(absurd, { maxLength: 3 })
    )
    await fc.assert(
      fc.asyncProperty(call, async ([[command, args], length, changes, more]) => {
        const tried = [...args.slice(0, length), ...more]
        for (const [at, value] of changes) if (at < tried.length) tried[at] = value
        await pg(command, ...tried)
        await server.ask('COMMAND', 'GETKEYS', `PEERGRAD.${command}`, ...tried)
        expect(await server.ask('PING')).toBe('PONG')
      }),
      { numRuns: 1500 }
    )
    expectSameBits(await server.get('f:a'), Float32Array.of(1, 2))
  })

  it('an expired input is missing', async () => {
    await pg('SET', 'short', blob(1), 'PX', 1)
    await expect.poll(async () => await exists('short')).toBe(0)
    expect(await pg('AVERAGE', 'to', 1, 'short')).toBe('PGMISSING short')
  })
})
