import { significantPart, type Significance } from '@peergrad/core'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kernels, result, vector } from './module-reference.js'
import { type Argument, bytes, expectSameBits, ModuleServer, noise, title, unavailable } from './module-server.js'

/** Above what runs on the main thread, and no whole number of blocks. */
const BIG = 3 * 65_536 + 4097
const words = (values: Float32Array) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)]
const packed = (...values: number[]) => bytes(new Float32Array(Uint32Array.from(values).buffer))

/** The sparse form in plain words. */
function sparse(values: Float32Array, parameters: number): number[] {
  const all = words(values)
  const kept = [...all.keys()].filter((i) => i < parameters && all[i] !== 0)
  const form = [kept.length, ...kept, ...kept.map((i) => all[i]!), ...all.slice(parameters)]
  return form.length < all.length ? form : all
}

describe.skipIf(unavailable !== undefined)(title('FILTER, PACK, UNPACK, SLICE and JOIN of the module'), () => {
  let server: ModuleServer
  const pg = (command: string, ...args: Argument[]) => server.pg(command, ...args)

  beforeAll(async () => {
    server = await new ModuleServer().start()
  })
  afterAll(async () => await server.stop())
  beforeEach(async () => {
    await server.ask('FLUSHALL')
  })

  const exists = async (...keys: string[]) => await server.ask('EXISTS', ...keys)
  const coordinate = fc.oneof(
    fc.constantFrom(0, 0, -0),
    fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })
  )
  const rows = (n: number) =>
    fc
      .integer({ min: 0, max: 21 })
      .chain((length) =>
        fc.array(fc.array(coordinate, { minLength: length, maxLength: length }), { minLength: n, maxLength: n })
      )

  it('FILTER sends what core sends, packed as core packs it', async () => {
    const check = async (x: Float32Array[], parameters: number, test: Significance, fresh: boolean) => {
      const [model, gradient, before] = x as [Float32Array, Float32Array, Float32Array]
      await server.set('model', model)
      await server.set('gradient', gradient)
      await server.set('held', before.subarray(0, parameters))
      const call = ['FILTER', test.of, 'model', 'gradient', 'held', 'sent', 'rest', parameters, test.threshold] as const
      expect(await pg(...call, ...(fresh ? ['FRESH'] : []))).toBe('OK')
      const accumulated = vector(before.subarray(0, parameters))
      if (fresh) accumulated.fill(0)
      kernels.axpy(accumulated, 1, vector(gradient.subarray(0, parameters)))
      const sent = result(parameters, (out) =>
        significantPart(test, { accumulated, parameters: vector(model.subarray(0, parameters)), sent: out, kernels })
      )
      const gone = words(sent)
      const whole = Float32Array.from([...sent, ...gradient.subarray(parameters)])
      expect(words(await server.get('sent'))).toEqual(sparse(whole, parameters))
      const rest = words(Float32Array.from(accumulated)).map((word, i) => (gone[i] === 0 ? word : 0))
      expect(words(await server.get('rest'))).toEqual(rest)
      await server.ask('FLUSHALL')
    }
    const tests = fc.record<Significance>({
      of: fc.constantFrom('parameter', 'model'),
      threshold: fc.double({ min: 0, max: 2, noNaN: true })
    })
    await fc.assert(
      fc.asyncProperty(rows(3), fc.nat(21), tests, fc.boolean(), async (x, at, test, fresh) => {
        await check(
          x.map((row) => Float32Array.from(row)),
          at % (x[0]!.length + 1),
          test,
          fresh
        )
      }),
      { numRuns: 60 }
    )
    const big = [1, 2, 3].map((seed) => noise(BIG, seed))
    for (const threshold of [0.1, 20]) await check(big, BIG - 11, { of: 'parameter', threshold }, false)
    for (const threshold of [1, 2]) await check(big, BIG - 11, { of: 'model', threshold }, false)
  })

  it('FILTER makes both keys or none, and refuses what does not fit', async () => {
    await server.set('model', [1, 1, 9])
    await server.set('gradient', [3, 0.5, 9])
    const filter = (mode: string, held: string, sent: string, rest: string, ...more: Argument[]) =>
      pg('FILTER', mode, 'model', 'gradient', held, sent, rest, ...more)
    expect(await filter('PARAMETER', 'none', 's', 'r', 2, 1)).toBe('PGMISSING none')
    expect(await filter('PARAMETER', 'none', 's', 'r', 2, 1, 'FRESH', 'PX', 90_000)).toBe('OK')
    expect(Number(await server.ask('PTTL', 'r'))).toBeGreaterThan(60_000)
    expect(await filter('PARAMETER', 'none', 's', 'r', 2, 1, 'FRESH')).toBe('SAME')
    expect(await filter('PARAMETER', 'none', 's2', 'r', 2, 4, 'FRESH')).toBe('PGCONFLICT r holds other bits')
    expect(await exists('s2')).toBe(0)
    expect(await filter('PARAMETER', 'none', 's', 's', 2, 1, 'FRESH')).toMatch(/^PGARGUMENT output: got "s"/)
    expect(await filter('LAYER', 'none', 's', 'r', 2, 1)).toBe(
      'PGARGUMENT mode: got "LAYER", expected PARAMETER or MODEL'
    )
    expect(await filter('MODEL', 'none', 's', 'r', 2, -1)).toBe(
      'PGARGUMENT threshold: got "-1", expected a finite number from 0'
    )
    expect(await filter('MODEL', 'none', 's', 'r', 4, 1, 'FRESH')).toMatch(/^PGSHAPE parameters: got 4/)
    await server.set('short', [1])
    expect(await filter('MODEL', 'short', 's3', 'r3', 2, 1)).toBe('PGSHAPE short: got 1 floats, expected 2')
    await server.set('bad', [0, NaN])
    await server.set('huge', [3e38, 0])
    expect(await filter('MODEL', 'bad', 's3', 'r3', 2, 1)).toBe('PGNONFINITE bad 1')
    expect(await pg('FILTER', 'MODEL', 'huge', 'huge', 'huge', 's3', 'r3', 2, 1)).toBe('PGNONFINITE r3 0')
    expect(await pg('FILTER', 'MODEL', 'bad', 'bad', 'huge', 's3', 'r3', 1, 1, 'FRESH')).toBe('PGNONFINITE bad 1')
    expect(await exists('s3', 'r3')).toBe(0)
  })

  it('UNPACK gives back what PACK took, in the shorter of both forms', async () => {
    const check = async (values: Float32Array, parameters: number) => {
      await server.set('x', values)
      expect(await pg('PACK', 'x', 'p', parameters)).toBe('OK')
      expect(await pg('PACK', 'x', 'p', parameters)).toBe('SAME')
      expect(words(await server.get('p'))).toEqual(sparse(values, parameters))
      expect(await pg('UNPACK', 'p', 'y', parameters, values.length)).toBe('OK')
      expect(await pg('UNPACK', 'p', 'y', parameters, values.length)).toBe('SAME')
      expectSameBits(await server.get('y'), values)
      await server.ask('FLUSHALL')
    }
    await fc.assert(
      fc.asyncProperty(rows(1), fc.nat(21), async ([row], at) => {
        await check(Float32Array.from(row!), at % (row!.length + 1))
      }),
      { numRuns: 60 }
    )
    const thin = noise(BIG, 1).map((value, i) => (i % 7 === 0 ? value : 0))
    await check(thin, BIG - 11)
    await check(noise(BIG, 2), BIG)
  })

  it.each([
    ['nothing', []],
    ['more words than floats', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['more values than words', [3, 0, 1, 2, 7, 8]],
    ['fewer values than words', [1, 0, 1, 7, 7, 8]],
    ['as many values as words can count', [0xffffffff, 0, 1, 7, 8]],
    ['as many values as would wrap around', [0x80000001, 0, 1, 7, 8]],
    ['indices that descend', [2, 3, 2, 7, 7, 8, 8]],
    ['an index twice', [2, 3, 3, 7, 7, 8, 8]],
    ['an index of a buffer', [2, 3, 6, 7, 7, 8, 8]],
    ['an index beyond all', [2, 3, 0xffffffff, 7, 7, 8, 8]]
  ])('UNPACK refuses %s', async (_, values) => {
    await pg('SET', 'p', packed(...values))
    expect(await pg('UNPACK', 'p', 'y', 6, 8)).toMatch(/^PGCORRUPT sparse vector p: got/)
    expect(await exists('y')).toBe(0)
  })

  it('UNPACK survives whatever words there are', async () => {
    const word = fc.oneof(fc.nat(9), fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0x7fffffff, 0xffffffff))
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 12 }), fc.nat(10), async (values, parameters) => {
        await pg('SET', 'p', packed(...values))
        const reply = await pg('UNPACK', 'p', 'y', parameters, 10)
        expect(reply).toMatch(/^(OK|PGCORRUPT)/)
        if (reply === 'OK') expect(await pg('INFO', 'y')).toEqual([10, 1, expect.any(Number)])
        await server.ask('FLUSHALL')
      }),
      { numRuns: 300 }
    )
    expect(await server.ask('PING')).toBe('PONG')
  })

  it('SLICE and JOIN take apart and put together', async () => {
    const x = noise(BIG, 4)
    await server.set('x', x)
    expect(await pg('SLICE', 'x', 'a', 0, 100_001)).toBe('OK')
    expect(await pg('SLICE', 'x', 'none', 100_001, 0)).toBe('OK')
    expect(await pg('SLICE', 'x', 'b', 100_001, BIG - 100_001)).toBe('OK')
    expectSameBits(await server.get('a'), x.subarray(0, 100_001))
    expect(await pg('JOIN', 'y', 3, 'a', 'none', 'b', 'PX', 90_000)).toBe('OK')
    expect(await pg('JOIN', 'y', 3, 'a', 'none', 'b')).toBe('SAME')
    expect(await pg('SAME', 'x', 'y')).toBe(1)
    expect(Number(await server.ask('PTTL', 'y'))).toBeGreaterThan(60_000)
    expect(await pg('SLICE', 'x', 'c', BIG, 1)).toBe(
      `PGSHAPE got 1 floats from ${BIG}, expected no more than the length, ${BIG}`
    )
    expect(await pg('SLICE', 'x', 'c', -1, 1)).toMatch(/^PGARGUMENT offset/)
    expect(await pg('SLICE', 'gone', 'c', 0, 1)).toBe('PGMISSING gone')
    expect(await pg('JOIN', 'c', 2, 'gone', 'away')).toBe('PGMISSING gone away')
    expect(await pg('JOIN', 'c', 3, 'a', 'b')).toBe('PGARGUMENT n: got 2 keys, expected 3')
    expect(await pg('PACK', 'x', 'c', BIG + 1)).toMatch(/^PGSHAPE parameters/)
    expect(await pg('UNPACK', 'x', 'c', 2, 1)).toMatch(/^PGSHAPE parameters/)
    expect(await exists('c')).toBe(0)
  })
})
