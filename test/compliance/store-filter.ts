import { type GradientStore, type PluginReference, type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noise, put, read, shared, wordsOf } from './store-support.js'

const fixture = (file: string, name: string, options: PluginReference['options'] = {}): PluginReference => ({
  module: new URL(`./fixtures/${file}.mjs`, import.meta.url).href,
  export: name,
  options
})
const filterOf = (name: string, options?: PluginReference['options']) => fixture('filters', name, options)
const HALVES = fixture('codecs', 'upperHalf')
const COUNTED = fixture('codecs', 'counted')
const LEAVES_ZEROS = fixture('codecs', 'leavesZeros')
const ALL = filterOf('significant', { of: 'parameter', threshold: 0 })

const RUNS = { numRuns: 30 }
/** mostly zeros of both signs, some subnormals */
const coordinate = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 0, 0, -0) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }) }
)
const row = (least: number, most: number) => fc.array(coordinate, { minLength: least, maxLength: most })

/** The sparse form in plain words: see wire/sparse.ts. */
function sparse(values: ArrayLike<number>, parameters: number): number[] {
  const words = [...wordsOf(shared(values))]
  const kept = words.flatMap((word, i) => (i < parameters && word !== 0 ? [i] : []))
  const packed = [kept.length, ...kept, ...kept.map((i) => words[i]!), ...words.slice(parameters)]
  return packed.length < words.length ? packed : words
}

/** What of an update is sent, what waits, and how both are packed. */
export function storeFilterCompliance(open: (limit?: number) => Promise<GradientStore>): void {
  type Request = Partial<Parameters<GradientStore['filter']>[0]>
  const filter = (store: GradientStore, request: Request & { filter: PluginReference }) =>
    store.filter({
      ...{ from: 'g', state: 'w', to: 'sent', rest: 'rest', parameters: 4, step: 1, learningRate: 0.1, seed: 1 },
      ...request
    })
  /** The vector that was sent. */
  async function sentOf(store: GradientStore, length: number, parameters: number): Promise<Vector> {
    await store.unpack({ from: 'sent', sparse: parameters, length, to: 'unpacked' })
    const vector = await read(store, 'unpacked')
    await store.delete(['unpacked'])
    return vector
  }
  const setUp = async () => {
    const store = await open()
    await put(store, 'g', [1, -2, 3, -4, 7, 8])
    await put(store, 'held', [1, 1, -3, 0.5])
    await put(store, 'w', [4, 4, 4, 4, 9, 9])
    return store
  }

  describe('filter', () => {
    it('sends each coordinate of held + gradient whole or not at all, and the buffers always', async () => {
      const store = await open()
      const vectors = fc
        .tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 3 }))
        .chain(([p, b]) => fc.tuple(fc.constant(p), row(p + b, p + b), row(p, p), row(p + b, p + b), fc.boolean()))
      const filters = [
        ...[0, 0.5, 1e30].map((threshold) => filterOf('significant', { of: 'parameter', threshold })),
        ...[0, 0.5, 1e30].map((threshold) => filterOf('significant', { of: 'model', threshold })),
        filterOf('larger'),
        filterOf('nothing')
      ]
      const check = async (
        [parameters, g, before, w, fresh]: [number, number[], number[], number[], boolean],
        plugin: PluginReference
      ) => {
        await put(store, 'g', g)
        await put(store, 'held', before)
        await put(store, 'w', w)
        await filter(store, { filter: plugin, parameters, ...(!fresh && { held: 'held' }) })
        const acc = wordsOf(shared(before.map((value, i) => (fresh ? 0 : value) + Math.fround(g[i]!))))
        const sent = await sentOf(store, g.length, parameters)
        const [gone, left] = [wordsOf(sent), wordsOf(await read(store, 'rest'))]
        expect(left).toHaveLength(parameters)
        for (const [i, word] of acc.entries()) {
          expect([
            [word, 0],
            [0, word]
          ]).toContainEqual([gone[i], left[i]])
        }
        expect([...gone.subarray(parameters)]).toEqual([...wordsOf(shared(g)).subarray(parameters)])
        expect([...wordsOf(await read(store, 'sent'))]).toEqual(sparse(sent, parameters))
        await store.delete(['g', 'held', 'w', 'sent', 'rest'])
      }
      await fc.assert(fc.asyncProperty(vectors, fc.constantFrom(...filters), check), { numRuns: 60 })
    })

    it('by parameter sends what is above the threshold times the parameter, both rounded to float32', async () => {
      const store = await open()
      const length = 500
      const [g, before, w] = [noise(length, 1), noise(length, 2), noise(length, 3)]
      await put(store, 'g', g)
      await put(store, 'held', before)
      await put(store, 'w', w)
      for (const threshold of [0.1, 1.7, 100]) {
        const plugin = filterOf('significant', { of: 'parameter', threshold })
        await filter(store, { filter: plugin, held: 'held', parameters: length })
        const acc = g.map((value, i) => Math.fround(before[i]! + value))
        const significant = (value: number, i: number) =>
          Math.abs(value) > Math.fround(Math.fround(threshold) * Math.abs(w[i]!))
        const expected = acc.map((value, i) => (significant(value, i) ? value : 0))
        expect([...wordsOf(await read(store, 'sent'))]).toEqual(sparse(expected, length))
        await store.delete(['sent', 'rest'])
      }
    })

    it('by model sends all when the norms are that far apart, else nothing', async () => {
      const store = await open()
      await put(store, 'g', [1, 2, 5])
      await put(store, 'held', [2, -2])
      await put(store, 'w', [3, 4, 1])
      // acc = (3, 0): its norm is 0.6 of the model's
      for (const [threshold, sent, rest] of [
        [0.59, [3, 0, 5], [0, 0]],
        [0.6, [0, 0, 5], [3, 0]]
      ] as const) {
        await filter(store, {
          ...{ filter: filterOf('significant', { of: 'model', threshold }), held: 'held', parameters: 2 }
        })
        expect([...(await sentOf(store, 3, 2))]).toEqual(sent)
        expect([...(await read(store, 'rest'))]).toEqual(rest)
        await store.delete(['sent', 'rest'])
      }
    })

    it('tells the filter step, learning rate and random numbers of the round', async () => {
      const store = await open()
      const length = 1000
      await put(store, 'g', Array(length).fill(1))
      await put(store, 'w', Array(length).fill(1))
      const picked = async (request: Request) => {
        await filter(store, { filter: filterOf('picks'), parameters: length, ...request })
        const sent = await sentOf(store, length, length)
        await store.delete(['sent', 'rest'])
        return [...sent.keys()].filter((i) => sent[i] === 1)
      }
      const first = await picked({ step: 7, learningRate: 0.2, seed: 1 })
      expect(first).toEqual(expect.arrayContaining([7, 20]))
      expect(await picked({ step: 7, learningRate: 0.2, seed: 1 })).toEqual(first)
      expect(await picked({ step: 7, learningRate: 0.2, seed: 2 })).not.toEqual(first)
      await store.delete(['g'])
      await put(store, 'g', [1, 3, 5, 7, ...Array<number>(length - 4).fill(0)])
      await filter(store, { filter: filterOf('byStep'), parameters: length, step: 2, learningRate: 0.5 })
      expect([...(await sentOf(store, length, length)).subarray(0, 4)]).toEqual([0, 0, 5, 7])
    })

    it('carries what is held back from round to round, and loses none of it', async () => {
      const store = await open()
      const [length, rounds] = [64, 4]
      await put(store, 'w', Array(length).fill(3))
      await put(store, 'held:0', Array(length).fill(0))
      const total = new Float64Array(length)
      const arrived = new Float64Array(length)
      for (let t = 0; t < rounds; t++) {
        // small whole numbers: every sum is exact
        const g = Array.from({ length }, (_, i) => ((i * 7 + t * 3) % 5) - 2)
        await put(store, `g:${t}`, g)
        await filter(store, {
          ...{ from: `g:${t}`, held: `held:${t}`, rest: `held:${t + 1}`, parameters: length },
          filter: filterOf('significant', { of: 'parameter', threshold: 0.5 })
        })
        const sent = await sentOf(store, length, length)
        for (let i = 0; i < length; i++) {
          total[i]! += g[i]!
          arrived[i]! += sent[i]!
        }
        await store.delete(['sent'])
      }
      const left = await read(store, `held:${rounds}`)
      expect(arrived.some((value) => value !== 0)).toBe(true)
      expect(left.some((value) => value !== 0)).toBe(true)
      expect([...arrived].map((value, i) => value + left[i]!)).toEqual([...total])
    })

    it('is a repeated call the second time, makes both keys or none, and says what is missing', async () => {
      const store = await setUp()
      await filter(store, { filter: ALL, held: 'held' })
      const before = await store.usage()
      await filter(store, { filter: ALL, held: 'held' })
      expect(await store.usage()).toEqual(before)
      await expect(filter(store, { filter: ALL, rest: 'other' })).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.has('other')).toBe(false)
      await expect(filter(store, { filter: ALL, to: 'a', rest: 'a' })).rejects.toMatchObject({ code: 'duplicate' })
      const gone = filter(store, { filter: ALL, from: 'x', state: 'w', held: 'y', to: 'a', rest: 'b' })
      await expect(gone).rejects.toMatchObject({ code: 'missing', data: { keys: ['x', 'y'] } })
      expect(await store.usage()).toEqual(before)
    })

    it('refuses vectors of other lengths, steps and learning rates that are none', async () => {
      const store = await setUp()
      await put(store, 'long', [1, 1, 1, 1, 1])
      const before = await store.usage()
      for (const request of [{ held: 'long' }, { held: 'held', parameters: 3 }, { parameters: 7 }, { state: 'held' }]) {
        await expect(filter(store, { filter: ALL, ...request })).rejects.toMatchObject({ code: 'shape' })
      }
      for (const request of [{ parameters: -1 }, { parameters: 0.5 }, { step: 0 }]) {
        await expect(filter(store, { filter: ALL, ...request })).rejects.toMatchObject({ code: 'argument' })
      }
      await expect(filter(store, { filter: ALL, learningRate: NaN })).rejects.toMatchObject({ code: 'non-finite' })
      expect(await store.keys('')).toEqual(['g', 'held', 'long', 'w'])
      expect(await store.usage()).toEqual(before)
    })

    it.each([
      ['notFinite', {}, 'non-finite', /filter not-finite: got NaN at 0, expected 2/],
      ['half', {}, 'argument', /filter half: got -0\.5 at 1, expected -1, .* or 0/],
      ['throws', {}, 'internal', /filter throws threw: on purpose/],
      ['doubles', {}, 'internal', /filter doubles wrote into vector 0 of its inputs/],
      ['forgets', {}, 'internal', /filter forgets wrote into vector 1 of its inputs/],
      ['absent', {}, 'unknown', /exports no function "absent"/],
      ['significant', { of: 'layer', threshold: 1 }, 'argument', /got the test layer/],
      ['significant', { of: 'model', threshold: -1 }, 'argument', /threshold of -1/],
      ['significant', { of: 'parameter', threshold: 1e39 }, 'argument', /threshold of 1e\+39/]
    ])('refuses a filter that is %s %j', async (name, options, code, message) => {
      const store = await setUp()
      const before = await store.usage()
      await expect(filter(store, { filter: filterOf(name, options), held: 'held' })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message)
      })
      expect(await store.keys('')).toEqual(['g', 'held', 'w'])
      expect(await store.usage()).toEqual(before)
      await filter(store, { filter: ALL, held: 'held' })
    })

    it.each([
      ['g', [1, 2, NaN, 4, 5, 6], [0, 0, 0, 0], /"g" holds .* at 2/],
      ['the buffers of g', [1, 2, 3, 4, 5, Infinity], [0, 0, 0, 0], /"g" holds .* at 5/],
      ['held', [1, 2, 3, 4, 5, 6], [0, -Infinity, 0, 0], /"held" holds .* at 1/],
      ['the sum', [1, 2, 3, 3e38, 5, 6], [0, 0, 0, 3e38], /sum .* at 3/]
    ])('refuses what is not finite: %s', async (_, g, held, message) => {
      const store = await open()
      await put(store, 'g', g)
      await put(store, 'held', held)
      await put(store, 'w', Array(6).fill(1))
      await expect(filter(store, { filter: ALL, held: 'held' })).rejects.toMatchObject({
        code: 'non-finite',
        message: expect.stringMatching(message)
      })
      expect(await store.has('sent')).toBe(false)
    })

    it('is flat over rounds, and full when the result does not fit', async () => {
      const store = await open(10 * 400)
      const [g, w] = [noise(100, 1), noise(100, 2)]
      await put(store, 'g', g)
      await put(store, 'w', w)
      const before = await store.usage()
      for (let i = 0; i < 50; i++) {
        await filter(store, { filter: i % 2 === 0 ? ALL : filterOf('larger'), parameters: 100 })
        await store.delete(['sent', 'rest'])
      }
      expect(await store.usage()).toEqual(before)
      for (let i = 0; i < 7; i++)
        await put(
          store,
          `more:${i}`,
          g.map((value) => value + i)
        )
      await expect(filter(store, { filter: ALL, parameters: 100 })).rejects.toMatchObject({ code: 'full' })
      expect((await store.usage()).bytes).toBe(9 * 400)
      expect(await store.keys('s')).toEqual([])
    })
  })

  describe('pack and unpack', () => {
    it.each([1, 2, 7])('give back %i floats as the codec leaves them, padded to whole floats', async (length) => {
      const store = await open()
      const values = Array.from({ length }, (_, index) => index - 2)
      await put(store, 'x', values)
      await store.pack({ from: 'x', codec: HALVES, to: 'packed' })
      expect(await store.length('packed')).toBe(Math.ceil(length / 2))
      await store.unpack({ from: 'packed', codec: HALVES, length, to: 'y' })
      expect([...(await read(store, 'y'))]).toEqual(values)
      await store.pack({ from: 'x', codec: HALVES, to: 'packed' })
    })

    it('without codec give back the very bits, in the shorter of both forms', async () => {
      const store = await open()
      await fc.assert(
        fc.asyncProperty(row(0, 40), fc.nat(40), async (values, at) => {
          const parameters = at % (values.length + 1)
          await put(store, 'x', values)
          await store.pack({ from: 'x', sparse: parameters, to: 'packed' })
          expect([...wordsOf(await read(store, 'packed'))]).toEqual(sparse(values, parameters))
          await store.unpack({ from: 'packed', sparse: parameters, length: values.length, to: 'y' })
          expect([...wordsOf(await read(store, 'y'))]).toEqual([...wordsOf(shared(values))])
          await store.delete(['x', 'packed', 'y'])
        }),
        RUNS
      )
    })

    it('with a codec pack the values that are left, and none of what follows the parameters', async () => {
      const store = await open()
      await fc.assert(
        fc.asyncProperty(row(0, 40), fc.nat(40), async (values, at) => {
          const parameters = at % (values.length + 1)
          const length = values.length
          const kept = values.slice(0, parameters).filter((value) => !Object.is(value, 0)).length
          const rest = parameters === 0 ? 0 : length - parameters
          await put(store, 'x', values)
          await store.pack({ from: 'x', codec: HALVES, sparse: parameters, to: 'packed' })
          const [dense, thin] = [Math.ceil((length - rest) / 2), 1 + kept + Math.ceil(kept / 2)]
          expect(await store.length('packed')).toBe(rest + (parameters === 0 ? dense : Math.min(dense, thin)))
          await store.unpack({ from: 'packed', codec: HALVES, sparse: parameters, length, to: 'y' })
          const coded = length - rest
          const upper = wordsOf(shared(values)).map((word, i) => (i < coded ? word & 0xffff0000 : word))
          expect([...wordsOf(await read(store, 'y'))]).toEqual([...upper])
          await store.delete(['x', 'packed', 'y'])
        }),
        RUNS
      )
    })

    it('of neither codec nor zeros are the same vector', async () => {
      const store = await open()
      await put(store, 'x', [1, 2, 3])
      await store.pack({ from: 'x', to: 'packed' })
      await store.unpack({ from: 'packed', length: 3, to: 'y' })
      expect(await store.digest('y')).toBe(await store.digest('x'))
      await store.delete(['x', 'packed'])
      expect([...(await read(store, 'y'))]).toEqual([1, 2, 3])
    })

    it('use the vector as it was when they were called, even if it is deleted meanwhile', async () => {
      const store = await open()
      const values = [5, ...Array<number>(9999).fill(0)]
      await put(store, 'x', values)
      const packing = store.pack({ from: 'x', sparse: 10_000, to: 'packed' })
      await store.delete(['x'])
      await put(store, 'other', Array(10_000).fill(1))
      await packing
      const unpacking = store.unpack({ from: 'packed', sparse: 10_000, length: 10_000, to: 'y' })
      await store.delete(['packed'])
      await put(store, 'another', [7, 7, 7])
      await unpacking
      expect([...(await read(store, 'y'))]).toEqual(values)
    })

    it('refuse packed bytes of another length and codecs that are not there', async () => {
      const store = await open()
      await put(store, 'x', [1, 2, 3, 4])
      await store.pack({ from: 'x', codec: HALVES, to: 'packed' })
      const shape = { code: 'shape' }
      await expect(store.unpack({ from: 'packed', codec: HALVES, length: 6, to: 'y' })).rejects.toMatchObject(shape)
      await expect(store.unpack({ from: 'x', length: 3, to: 'y' })).rejects.toMatchObject(shape)
      await expect(store.unpack({ from: 'x', length: 3, sparse: 4, to: 'y' })).rejects.toMatchObject(shape)
      await expect(store.pack({ from: 'x', sparse: 5, to: 'y' })).rejects.toMatchObject(shape)
      const argument = { code: 'argument' }
      await expect(store.pack({ from: 'x', sparse: -1, to: 'y' })).rejects.toMatchObject(argument)
      await expect(store.unpack({ from: 'x', length: NaN, to: 'y' })).rejects.toMatchObject(argument)
      const absent = { ...HALVES, export: 'lowerHalf' }
      await expect(store.pack({ from: 'x', codec: absent, to: 'z' })).rejects.toMatchObject({ code: 'unknown' })
      await expect(store.pack({ from: 'gone', to: 'z' })).rejects.toMatchObject({ code: 'missing' })
      await expect(store.unpack({ from: 'gone', length: 1, to: 'z' })).rejects.toMatchObject({ code: 'missing' })
      expect(await store.keys('')).toEqual(['packed', 'x'])
    })

    /** of 8 floats, 6 of them parameters */
    const absurd: [string, number[]][] = [
      ['nothing', []],
      ['more words than the vector has floats', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
      ['more values than there are words', [3, 0, 1, 2, 7, 8]],
      ['fewer values than there are words', [1, 0, 1, 7, 7, 8]],
      ['as many values as words can count', [0xffffffff, 0, 1, 7, 8]],
      ['as many values as would wrap around', [0x80000001, 0, 1, 7, 8]],
      ['indices that descend', [2, 3, 2, 7, 7, 8, 8]],
      ['an index twice', [2, 3, 3, 7, 7, 8, 8]],
      ['an index of a buffer', [2, 3, 6, 7, 7, 8, 8]],
      ['an index beyond all', [2, 3, 0xffffffff, 7, 7, 8, 8]],
      ['no values, and no buffers', [0]]
    ]
    it.each(absurd)('refuse what nobody packs: %s', async (_, words) => {
      const store = await open()
      await putWords(store, 'packed', words)
      const before = await store.usage()
      await expect(store.unpack({ from: 'packed', sparse: 6, length: 8, to: 'y' })).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining('sparse vector')
      })
      expect(await store.has('y')).toBe(false)
      expect(await store.usage()).toEqual(before)
    })

    it('refuse a codec that writes into what it is to pack', async () => {
      const store = await open()
      await put(store, 'x', [1, 2, 3])
      await expect(store.pack({ from: 'x', codec: fixture('codecs', 'empties'), to: 'y' })).rejects.toMatchObject({
        code: 'internal',
        message: expect.stringMatching(/^codec empties wrote into vector 0 of its inputs/)
      })
      expect(await store.has('y')).toBe(false)
    })

    it('refuse what the codec cannot decode, with its name', async () => {
      const store = await open()
      await put(store, 'x', [1, 2, 3])
      await store.pack({ from: 'x', codec: COUNTED, to: 'packed' })
      const [, ...values] = wordsOf(await read(store, 'packed'))
      await putWords(store, 'lie', [0x7fffffff, ...values])
      await expect(store.unpack({ from: 'lie', codec: COUNTED, length: 3, to: 'y' })).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringMatching(/^codec counted threw: /),
        data: { plugin: 'codec counted' }
      })
      expect(await store.has('y')).toBe(false)
    })

    it('give zeros where the codec writes nothing, whatever memory held before', async () => {
      const store = await open()
      const values = [0, 2, 0, 4, 0, 0, 0, 0]
      for (const sparse of [0, 8]) {
        const how = { codec: LEAVES_ZEROS, sparse }
        await put(store, 'used', Array(8).fill(7))
        await put(store, 'x', values)
        await store.delete(['used'])
        await store.pack({ from: 'x', ...how, to: 'packed' })
        await put(store, 'used', Array(8).fill(7))
        await store.delete(['used'])
        await store.unpack({ from: 'packed', ...how, length: 8, to: 'y' })
        expect([...(await read(store, 'y'))]).toEqual(values)
        await store.delete(['x', 'packed', 'y'])
      }
    })

    it('survive whatever words another peer sends', async () => {
      const store = await open()
      const word = fc.oneof(fc.nat(9), fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0x7f800001, 0xffffffff))
      const codecs = fc.constantFrom(undefined, HALVES)
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 12 }), fc.nat(10), codecs, async (words, sparse, codec) => {
          await putWords(store, 'packed', words)
          const code = await store
            .unpack({ from: 'packed', sparse, length: 10, to: 'y', ...(codec && { codec }) })
            .then(
              () => undefined,
              (error: { code: string }) => error.code
            )
          expect([undefined, 'corrupt', ...(sparse === 0 ? ['shape'] : [])]).toContain(code)
          if (code === undefined) expect(await store.length('y')).toBe(10)
          await store.delete(['packed', 'y'])
        }),
        { numRuns: 100 }
      )
    })
  })

  describe('slice, join, feedback and length', () => {
    it('join puts together what slice took apart, bit for bit', async () => {
      const store = await open()
      await fc.assert(
        fc.asyncProperty(row(0, 30), fc.array(fc.nat(30), { maxLength: 4 }), async (values, cuts) => {
          await put(store, 'x', values)
          const bounds = [0, ...cuts.map((cut) => Math.min(cut, values.length)).sort((a, b) => a - b), values.length]
          const parts = bounds.slice(1).map((_, k) => `part:${k}`)
          for (const [k, to] of parts.entries()) {
            const [offset, end] = [bounds[k]!, bounds[k + 1]!]
            await store.slice({ from: 'x', offset, length: end - offset, to })
            expect(await store.length(to)).toBe(end - offset)
          }
          await store.join({ from: parts, to: 'y' })
          expect([...wordsOf(await read(store, 'y'))]).toEqual([...wordsOf(shared(values))])
          await store.delete(['x', 'y', ...parts])
        }),
        RUNS
      )
    })

    it('slice and join refuse what is not there', async () => {
      const store = await open()
      await put(store, 'x', [1, 2, 3])
      const slice = (offset: number, length: number, from = 'x') => store.slice({ from, offset, length, to: 'y' })
      await expect(slice(2, 2)).rejects.toMatchObject({ code: 'shape' })
      await expect(slice(4, 0)).rejects.toMatchObject({ code: 'shape' })
      await expect(slice(-1, 1)).rejects.toMatchObject({ code: 'argument' })
      await expect(slice(0, 0.5)).rejects.toMatchObject({ code: 'argument' })
      await expect(slice(0, 1, 'gone')).rejects.toMatchObject({ code: 'missing' })
      await expect(store.join({ from: [], to: 'y' })).rejects.toMatchObject({ code: 'argument' })
      await expect(store.join({ from: ['x', 'a', 'b'], to: 'y' })).rejects.toMatchObject({
        code: 'missing',
        data: { keys: ['a', 'b'] }
      })
      await slice(1, 2)
      await slice(1, 2)
      await expect(slice(0, 2)).rejects.toMatchObject({ code: 'conflict' })
      await expect(store.length('gone')).rejects.toMatchObject({ code: 'missing' })
      expect(await store.keys('')).toEqual(['x', 'y'])
    })

    it('combine is the sum of factor times vector, in order, each operation rounded', async () => {
      const store = await open()
      const vectors = [noise(70, 1), noise(70, 2), noise(70, 3)]
      for (const [i, vector] of vectors.entries()) await put(store, `x${i}`, vector)
      const factors = [1 / 3, -1, 0.1]
      const terms = factors.map((factor, i) => ({ key: `x${i}`, factor }))
      await store.combine({ terms, to: 'sum' })
      await store.combine({ terms, to: 'sum' })
      const times = (k: number, i: number) => Math.fround(Math.fround(factors[k]!) * vectors[k]![i]!)
      const expected = vectors[0]!.map((_, i) => Math.fround(times(0, i) + times(1, i)) + times(2, i))
      expect([...wordsOf(await read(store, 'sum'))]).toEqual([...wordsOf(shared(expected))])
      await expect(store.combine({ terms: terms.slice(1), to: 'sum' })).rejects.toMatchObject({ code: 'conflict' })
      const combine = (key: string, factor: number) => store.combine({ terms: [terms[0]!, { key, factor }], to: 'y' })
      await expect(combine('gone', 1)).rejects.toMatchObject({ code: 'missing' })
      await expect(combine('x1', NaN)).rejects.toMatchObject({ code: 'argument' })
      await put(store, 'short', [1])
      await expect(combine('short', 1)).rejects.toMatchObject({ code: 'shape' })
    })

    it('feedback is rest + (sent − shared), each operation rounded', async () => {
      const store = await open()
      const parameters = 70
      const [rest, sent, got] = [noise(parameters, 1), noise(parameters + 3, 2), noise(parameters + 1, 3)]
      await put(store, 'rest', rest)
      await put(store, 'sent', sent)
      await put(store, 'shared', got)
      const request = { rest: 'rest', sent: 'sent', shared: 'shared', parameters, to: 'held' }
      await store.feedback(request)
      await store.feedback(request)
      const expected = rest.map((value, i) => value + Math.fround(sent[i]! - got[i]!))
      expect([...wordsOf(await read(store, 'held'))]).toEqual([...wordsOf(shared(expected))])
      await expect(store.feedback({ ...request, parameters: 69 })).rejects.toMatchObject({ code: 'shape' })
      await expect(store.feedback({ ...request, sent: 'gone' })).rejects.toMatchObject({ code: 'missing' })
      await put(store, 'short', [1])
      await expect(store.feedback({ ...request, shared: 'short' })).rejects.toMatchObject({ code: 'shape' })
    })

    it('what the codec loses waits for the next round', async () => {
      const store = await open()
      const g = [1, 1 / 3, -1e-3, 0, 5]
      await put(store, 'g', g)
      await put(store, 'w', Array(5).fill(1))
      await filter(store, { filter: filterOf('significant', { of: 'parameter', threshold: 0.1 }) })
      await store.unpack({ from: 'sent', sparse: 4, length: 5, to: 'whole' })
      await store.pack({ from: 'whole', codec: HALVES, sparse: 4, to: 'packed' })
      await store.unpack({ from: 'packed', codec: HALVES, sparse: 4, length: 5, to: 'shared' })
      await store.feedback({ rest: 'rest', sent: 'whole', shared: 'shared', parameters: 4, to: 'held' })
      const [got, held] = [await read(store, 'shared'), await read(store, 'held')]
      expect(held[1]).toBeGreaterThan(0)
      expect([...held].map((value, i) => value + got[i]!)).toEqual(g.slice(0, 4).map(Math.fround))
    })
  })
}

async function putWords(store: GradientStore, key: string, words: readonly number[]): Promise<void> {
  const lease = store.lease(words.length)
  wordsOf(lease.vector).set(words)
  await store.put(key, lease)
}
