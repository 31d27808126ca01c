import { storeLaws, type StoreUnderTest } from '@peergrad/conformance'
import { type GradientStore, type OptimiserSpec, type PluginReference } from '@peergrad/core'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { storeFilterCompliance } from './store-filter.js'
import { put, read } from './store-support.js'
import { suite } from './suite.js'

export type CreateStore = (options: { limit: number }) => Promise<StoreUnderTest>

const rule = (name: string): PluginReference => ({
  module: new URL('./fixtures/rules.mjs', import.meta.url).href,
  export: name,
  options: {}
})
const MEAN = rule('mean')
const LIMIT = 16 << 20

/** The laws of a store driver and cases beside them. `create` makes an empty one with a budget of `limit` bytes. */
export function storeCompliance(name: string, create: CreateStore): void {
  describe(`store ${name}`, () => {
    let current: StoreUnderTest | undefined
    const open = async (limit = LIMIT) => {
      current = await create({ limit })
      return current.store
    }
    afterEach(async () => {
      await current?.store.close()
      current = undefined
    })

    suite(
      'laws',
      storeLaws(() => create({ limit: LIMIT }))
    )

    describe('tensors', () => {
      it('lets all concurrent writers of the same bytes succeed', async () => {
        const store = await open()
        await Promise.all([1, 1, 1, 1].map((value) => put(store, 'a', Array(1000).fill(value))))
        expect(await store.keys('')).toEqual(['a'])
      })

      it('gives back the room of what it could not put', async () => {
        const store = await open()
        await put(store, 'a', [1, 2])
        const { bytes } = await store.usage()
        const other = store.lease(2)
        other.vector.set([3, 4])
        await expect(store.put('a', other)).rejects.toMatchObject({ code: 'conflict' })
        await expect(store.put('b c', store.lease(2))).rejects.toMatchObject({ code: 'argument' })
        expect((await store.usage()).bytes).toBe(bytes)
      })

      it('names everything that is missing', async () => {
        const store = await open()
        await put(store, 'there', [1])
        await expect(store.get('gone')).rejects.toMatchObject({ code: 'missing', data: { keys: ['gone'] } })
        const missing = { code: 'missing', data: { keys: ['x', 'y'] } }
        await expect(store.average(['x', 'there', 'y'], 'to')).rejects.toMatchObject(missing)
        await expect(aggregate(store, ['x', 'there', 'y'], MEAN)).rejects.toMatchObject(missing)
        await expect(step(store, { from: 'x', gradient: 'y' })).rejects.toMatchObject(missing)
        expect(await store.has('to')).toBe(false)
      })

      it.each([0, -1, NaN, Infinity])('refuses a ttl of %d', async (ttl) => {
        const store = await open()
        const lease = store.lease(1)
        await expect(store.put('a', lease, { ttl })).rejects.toMatchObject({ code: 'argument' })
      })
    })

    describe('memory', () => {
      it('refuses what is past the budget with the sum, and changes nothing', async () => {
        const store = await open(10_000)
        await put(store, 'a', Array(1000).fill(1))
        await put(store, 'b', Array(1000).fill(2))
        expect(await store.usage()).toEqual({ bytes: 8000, limit: 10_000 })
        expect(() => store.lease(501)).toThrow(
          expect.objectContaining({ code: 'full', message: expect.stringContaining('10004') })
        )
        await expect(store.average(['a', 'b'], 'mean')).rejects.toMatchObject({ code: 'full' })
        expect(await store.usage()).toEqual({ bytes: 8000, limit: 10_000 })
        expect(await store.keys('')).toEqual(['a', 'b'])
        await store.delete(['a'])
        await put(store, 'c', Array(1000).fill(3))
      })

      it('is flat over calls that are refused', async () => {
        const store = await open()
        await put(store, 'a', [1, NaN])
        await put(store, 'b', [1, 2])
        const before = await store.usage()
        for (const bad of ['throws', 'notFinite', 'atLeastFive'])
          await aggregate(store, ['b'], rule(bad)).catch(() => {})
        await step(store, { from: 'b', gradient: 'a' }).catch(() => {})
        await store.average(['a', 'b'], 'b').catch(() => {})
        expect(await store.usage()).toEqual(before)
      })
    })

    describe('average', () => {
      it('shows the result whole or not at all', async () => {
        const store = await open()
        await put(store, 'x', Array(500_000).fill(1))
        await put(store, 'y', Array(500_000).fill(3))
        let done = false
        const work = store.average(['x', 'y'], 'mean').then(() => (done = true))
        let seen = 0
        while (!done || seen === 0) {
          if (await store.has('mean')) {
            seen++
            expect((await read(store, 'mean')).every((value) => value === 2)).toBe(true)
          } else await turn()
        }
        await work
      })
    })

    describe('aggregate', () => {
      it('gives gradient and buffers to the rule apart', async () => {
        const store = await open()
        await put(store, 'x', Array(9).fill(1))
        await put(store, 'y', Array(9).fill(1))
        await aggregate(store, ['x', 'y'], rule('echo'), { samples: [5, 6], parameters: 4, seed: 3 })
        const [...result] = await read(store, 'to')
        expect([result.slice(0, 3), result.slice(4, 7)]).toEqual([
          [4, 5, 6],
          [5, 5, 6]
        ])
        expect(result[3]).toBe(result[7])
        expect(result[3]).toBeGreaterThan(0)
      })

      it('tells the rule of the parameters what was measured', async () => {
        const store = await open()
        await put(store, 'x', Array(5).fill(1))
        await put(store, 'y', Array(5).fill(1))
        const trials = { stepSize: 0.5, losses: [2, 7] }
        await aggregate(store, ['x', 'y'], rule('measured'), { parameters: 4, trials })
        expect([...(await read(store, 'to'))]).toEqual([0.5, 2, 7, -1, -1])
      })

      it('gives the same seed the same random numbers, and another seed others', async () => {
        const store = await open()
        await put(store, 'x', Array(4).fill(1))
        const drawn = async (seed: number) => {
          await aggregate(store, ['x'], rule('echo'), { parameters: 4, seed })
          const value = (await read(store, 'to'))[2]
          await store.delete(['to'])
          return value
        }
        expect(await drawn(1)).toBe(await drawn(1))
        expect(await drawn(1)).not.toBe(await drawn(2))
      })

      it('does not call the rule for a part of no length', async () => {
        const store = await open()
        await put(store, 'x', [1, 1])
        await aggregate(store, ['x'], rule('echo'), { parameters: 2 })
        await aggregate(store, ['x'], rule('echo'), { parameters: 0, to: 'buffers' })
        expect((await read(store, 'to'))[0]).toBe(2)
        expect((await read(store, 'buffers'))[0]).toBe(2)
      })

      it('lends a rule scratch that counts against the budget', async () => {
        const store = await open(400 * 5)
        await put(store, 'x', Array(100).fill(1))
        await put(store, 'y', Array(100).fill(2))
        await aggregate(store, ['x', 'y'], rule('throughScratch'), { parameters: 100 })
        expect(new Set(await read(store, 'to'))).toEqual(new Set([3]))
        expect((await store.usage()).bytes).toBe(1200)
        await put(store, 'z', Array(100).fill(2))
        await expect(
          aggregate(store, ['x', 'y'], rule('throughScratch'), { to: 'again', parameters: 100 })
        ).rejects.toMatchObject({
          code: 'full',
          message: expect.stringContaining('2400')
        })
        expect((await store.usage()).bytes).toBe(1600)
      })

      it.each([
        ['throws', 'internal', /aggregator throws threw: on purpose/],
        ['notFinite', 'non-finite', /result of aggregator not-finite/],
        ['atLeastFive', 'argument', /got 2 vectors, expected at least 5/],
        ['absent', 'unknown', /exports no function "absent"/]
      ])('refuses a rule that is %s', async (name, code, message) => {
        const store = await open()
        await put(store, 'x', [1, 2])
        await put(store, 'y', [1, 2])
        await expect(aggregate(store, ['x', 'y'], rule(name))).rejects.toMatchObject({
          code,
          message: expect.stringMatching(message)
        })
        expect(await store.keys('')).toEqual(['x', 'y'])
        await aggregate(store, ['x', 'y'], MEAN)
      })

      it('refuses a rule whose module is not there', async () => {
        const store = await open()
        await put(store, 'x', [1])
        const absent = { module: 'file:///nowhere/rule.js', export: 'x', options: {} }
        await expect(aggregate(store, ['x'], absent)).rejects.toMatchObject({ code: 'missing' })
      })

      it.each([NaN, Infinity, -Infinity])('refuses %d among the inputs, naming the vector', async (value) => {
        const store = await open()
        await put(store, 'x', [1, 2, 3])
        await put(store, 'y', [1, 2, value])
        await expect(aggregate(store, ['x', 'y'], MEAN)).rejects.toMatchObject({
          code: 'non-finite',
          message: expect.stringMatching(/"y".* at 2/)
        })
      })

      it('refuses samples and parameters that do not fit', async () => {
        const store = await open()
        await put(store, 'x', [1, 2])
        await expect(aggregate(store, ['x'], MEAN, { samples: [1, 2] })).rejects.toMatchObject({ code: 'argument' })
        await expect(aggregate(store, ['x'], MEAN, { samples: [NaN] })).rejects.toMatchObject({ code: 'argument' })
        await expect(aggregate(store, ['x'], MEAN, { parameters: 3 })).rejects.toMatchObject({ code: 'shape' })
        await expect(aggregate(store, ['x'], MEAN, { parameters: -1 })).rejects.toMatchObject({ code: 'argument' })
      })
    })

    describe('applyUpdate', () => {
      const specs: OptimiserSpec[] = [
        { name: 'sgd', learningRate: 0.1, weightDecay: 0.01 },
        { name: 'nesterov', learningRate: 0.1 },
        { name: 'adamw', learningRate: 0.01 }
      ]

      it('refuses gradients of another length, NaN, and learning rates that are none', async () => {
        const store = await open()
        await put(store, 'w', [1, 2])
        await put(store, 'long', [1, 2, 3])
        await put(store, 'nan', [1, NaN])
        await put(store, 'g', [1, 2])
        await expect(step(store, { from: 'w', gradient: 'long' })).rejects.toMatchObject({ code: 'shape' })
        await expect(step(store, { from: 'w', gradient: 'g', parameters: 3 })).rejects.toMatchObject({ code: 'shape' })
        await expect(step(store, { from: 'w', gradient: 'nan' })).rejects.toMatchObject({ code: 'non-finite' })
        for (const learningRate of [NaN, 3e38, 1e39])
          for (const optimiser of specs)
            await expect(step(store, { from: 'w', gradient: 'g', optimiser, learningRate })).rejects.toMatchObject({
              code: 'non-finite'
            })
        await expect(step(store, { from: 'w', gradient: 'g', step: 0 })).rejects.toMatchObject({ code: 'argument' })
        expect(await store.has('next')).toBe(false)
      })

      it('asks for the optimiser state after the first step', async () => {
        const store = await open()
        await put(store, 'w', [1, 2])
        await put(store, 'g', [1, 2])
        const request = { from: 'w', gradient: 'g', optimiser: specs[2]!, step: 2 }
        await expect(step(store, request)).rejects.toMatchObject({
          code: 'missing',
          data: { keys: ['w:state:0', 'w:state:1'] }
        })
      })

      it('makes all of the next version or nothing', async () => {
        const store = await open()
        await put(store, 'w', [1, 2])
        await put(store, 'g', [1, 2])
        await put(store, 'next:state:0', [5, 5])
        await expect(step(store, { from: 'w', gradient: 'g', optimiser: specs[1]! })).rejects.toMatchObject({
          code: 'conflict'
        })
        expect(await store.has('next')).toBe(false)
      })
    })

    storeFilterCompliance(open)

    it('rejects calls after close, and closes twice', async () => {
      const store = await open()
      await put(store, 'x', Array(200_000).fill(1))
      const work = store.average(['x'], 'mean')
      const outcome = expect(work).rejects.toMatchObject({ code: 'aborted' })
      await store.close()
      await outcome
      await store.close()
      await expect(store.get('x')).rejects.toMatchObject({ code: 'aborted' })
      expect(() => store.lease(1)).toThrow(expect.objectContaining({ code: 'aborted' }))
    })
  })
}

function aggregate(
  store: GradientStore,
  from: string[],
  reference: PluginReference,
  request: Partial<Parameters<GradientStore['aggregate']>[0]> = {}
): Promise<void> {
  return store.aggregate({
    from,
    to: 'to',
    rule: reference,
    samples: from.map(() => 1),
    parameters: 1,
    seed: 1,
    ...request
  })
}

function step(
  store: GradientStore,
  request: { from: string; gradient: string } & Partial<Parameters<GradientStore['applyUpdate']>[0]>
): Promise<void> {
  const optimiser: OptimiserSpec = { name: 'sgd', learningRate: 1 }
  return store.applyUpdate({ to: 'next', optimiser, parameters: 2, step: 1, learningRate: 10, ...request })
}
