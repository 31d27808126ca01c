import {
  createKernels,
  optimiserStep,
  type GradientStore,
  type OptimiserSpec,
  type PluginReference
} from '@peergrad/core'
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { storeFilterCompliance } from './store-filter.js'
import { noise, put, read, shared, wordsOf } from './store-support.js'

export interface StoreUnderTest {
  readonly store: GradientStore
  /** lets time pass for expiry, without waiting where the driver has a clock of ours */
  advance(ms: number): Promise<void> | void
}

export type CreateStore = (options: { limit: number }) => Promise<StoreUnderTest>

const rule = (name: string): PluginReference => ({
  module: new URL('./fixtures/rules.mjs', import.meta.url).href,
  export: name,
  options: {}
})
const MEAN = rule('mean')
const LIMIT = 16 << 20
const kernels = createKernels()

/** The laws of a store driver, for ours and for yours. `create` makes an empty one with a budget of `limit` bytes. */
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

    describe('tensors', () => {
      it('gives back the very bits that were put', async () => {
        const store = await open()
        const words = fc.oneof(
          fc.integer({ min: 0, max: 0xffffffff }),
          fc.constantFrom(0x7f800000, 0xff800000, 0x80000000, 1)
        )
        let count = 0
        await fc.assert(
          fc.asyncProperty(fc.array(words, { maxLength: 300 }), async (row) => {
            const key = `bits:${count++}`
            const lease = store.lease(row.length)
            wordsOf(lease.vector).set(row)
            await store.put(key, lease)
            expect([...wordsOf(await read(store, key))]).toEqual(row)
            await store.delete([key])
          }),
          { numRuns: 50 }
        )
      })

      it('changes nothing when the same is put again', async () => {
        const store = await open()
        await put(store, 'a', [1, 2, 3])
        const before = await store.usage()
        await put(store, 'a', [1, 2, 3])
        expect([...(await read(store, 'a'))]).toEqual([1, 2, 3])
        expect(await store.usage()).toEqual(before)
      })

      it.each([[[1, 2, 4]], [[1, 2]], [[-0, 2, 3]]])(
        'refuses other bytes under a key that is taken: %j',
        async (other) => {
          const store = await open()
          await put(store, 'a', [0, 2, 3])
          const before = await store.usage()
          await expect(put(store, 'a', other)).rejects.toMatchObject({ code: 'conflict', data: { key: 'a' } })
          expect([...(await read(store, 'a'))]).toEqual([0, 2, 3])
          expect(await store.usage()).toEqual(before)
        }
      )

      it('gives a key to one of several concurrent writers, and never a mixture', async () => {
        const store = await open()
        const outcomes = await Promise.allSettled(
          [1, 2, 3, 4].map((value) => put(store, 'a', Array(50_000).fill(value)))
        )
        const won = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i + 1] : []))
        expect(won).toHaveLength(1)
        expect(new Set(await read(store, 'a'))).toEqual(new Set(won))
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' })
        }
      })

      it('lets all concurrent writers of the same bytes succeed', async () => {
        const store = await open()
        await Promise.all([1, 1, 1, 1].map((value) => put(store, 'a', Array(1000).fill(value))))
        expect(await store.keys('')).toEqual(['a'])
      })

      it('takes no lease twice, and no released one', async () => {
        const store = await open()
        const lease = store.lease(2)
        lease.vector.set([1, 2])
        await store.put('a', lease)
        await expect(store.put('b', lease)).rejects.toMatchObject({ code: 'argument' })
        const released = store.lease(2)
        released.release()
        await expect(store.put('b', released)).rejects.toMatchObject({ code: 'argument' })
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

      it.each(['', 'a b', 'ä', 'a/b', '../x', 'x'.repeat(201), 'a\n'])('refuses the key %j', async (key) => {
        const store = await open()
        const lease = store.lease(1)
        const argument = { code: 'argument' }
        await expect(store.put(key, lease)).rejects.toMatchObject(argument)
        await expect(store.get(key)).rejects.toMatchObject(argument)
        await expect(store.has(key)).rejects.toMatchObject(argument)
        await expect(store.delete([key])).rejects.toMatchObject(argument)
        await expect(store.average([key], 'to')).rejects.toMatchObject(argument)
        await expect(store.digest(key)).rejects.toMatchObject(argument)
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

      it('lists keys by prefix, in order, and deletes what is there', async () => {
        const store = await open()
        for (const key of ['b:2', 'a:1', 'b:1']) await put(store, key, [1])
        expect(await store.keys('b:')).toEqual(['b:1', 'b:2'])
        await store.delete(['b:1', 'never'])
        expect(await store.keys('')).toEqual(['a:1', 'b:2'])
        expect([await store.has('b:1'), await store.has('b:2')]).toEqual([false, true])
      })

      it('keeps the lease of a deleted vector good until it is released', async () => {
        const store = await open()
        await put(store, 'a', Array(1000).fill(7))
        const lease = await store.get('a')
        await store.delete(['a'])
        for (let i = 0; i < 5; i++) await put(store, `other:${i}`, Array(1000).fill(i))
        expect(new Set(lease.vector)).toEqual(new Set([7]))
        const held = (await store.usage()).bytes
        lease.release()
        lease.release()
        expect((await store.usage()).bytes).toBeLessThan(held)
      })

      it('forgets a key when its time is up, and not before', async () => {
        const store = await open()
        await put(store, 'short', [1], 1000)
        await put(store, 'long', [2], 3000)
        await put(store, 'kept', [3])
        await current!.advance(999)
        expect(await store.has('short')).toBe(true)
        await current!.advance(2)
        expect(await store.keys('')).toEqual(['kept', 'long'])
        await expect(store.get('short')).rejects.toMatchObject({ code: 'missing' })
        await current!.advance(100_000)
        expect(await store.keys('')).toEqual(['kept'])
      })

      it('does not let the expiry of a deleted key take its successor', async () => {
        const store = await open()
        await put(store, 'a', [1], 1000)
        await store.delete(['a'])
        await put(store, 'a', [2])
        await current!.advance(5000)
        expect([...(await read(store, 'a'))]).toEqual([2])
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

      it('is flat over 1,000 vectors that come and go', async () => {
        const store = await open(64_000)
        await put(store, 'kept', Array(100).fill(1))
        const before = await store.usage()
        for (let i = 0; i < 1000; i++) {
          await put(store, `v:${i}`, Array(1 + (i % 4000)).fill(i))
          if (i % 10 === 0) await store.average([`v:${i}`], `mean:${i}`)
          if (i % 3 === 0) (await store.get(`v:${i}`)).release()
          await store.delete([`v:${i}`, `mean:${i}`])
        }
        expect(await store.usage()).toEqual(before)
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
      it("agrees with core's mean to the bit, in the order given", async () => {
        const store = await open()
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 1, max: 6 }),
            fc.integer({ min: 1, max: 70 }),
            fc.integer(),
            async (n, length, seed) => {
              const rows = Array.from({ length: n }, (_, k) => noise(length, seed + k))
              const keys = rows.map((_, k) => `x:${k}`)
              for (const [k, row] of rows.entries()) await put(store, keys[k]!, row)
              const order = [...keys].reverse()
              await store.average(order, 'mean')
              const expected = shared(Array(length).fill(0))
              kernels.mean(expected, [...rows].reverse().map(shared))
              expect([...wordsOf(await read(store, 'mean'))]).toEqual([...wordsOf(expected)])
              await store.delete([...keys, 'mean'])
            }
          ),
          { numRuns: 25 }
        )
      })

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

      it('is a repeated call the second time, and conflict over other inputs', async () => {
        const store = await open()
        for (const [key, row] of [
          ['x', [1]],
          ['y', [3]],
          ['z', [9]]
        ] as const)
          await put(store, key, row)
        await store.average(['x', 'y'], 'mean')
        await store.average(['x', 'y'], 'mean')
        await expect(store.average(['x', 'z'], 'mean')).rejects.toMatchObject({ code: 'conflict' })
        expect([...(await read(store, 'mean'))]).toEqual([2])
      })

      it('uses inputs as they were when it was called, even if they are deleted meanwhile', async () => {
        const store = await open()
        await put(store, 'x', Array(200_000).fill(1))
        await put(store, 'y', Array(200_000).fill(3))
        const work = store.average(['x', 'y'], 'mean')
        await store.delete(['x', 'y'])
        await put(store, 'z', Array(200_000).fill(100))
        await work
        expect(new Set(await read(store, 'mean'))).toEqual(new Set([2]))
      })

      it('refuses no inputs, one named twice, and vectors of several lengths', async () => {
        const store = await open()
        await put(store, 'x', [1])
        await put(store, 'y', [1, 2])
        await expect(store.average([], 'to')).rejects.toMatchObject({ code: 'argument' })
        await expect(store.average(['x', 'x'], 'to')).rejects.toMatchObject({ code: 'duplicate' })
        await expect(store.average(['x', 'y'], 'to')).rejects.toMatchObject({ code: 'shape', data: { key: 'y' } })
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
      it.each(specs)("agrees with core's $name to the bit over three steps", async (optimiser) => {
        const store = await open()
        const parameters = 37
        let state = shared(noise(40, 1))
        await put(store, 'v0', state)
        const count = { sgd: 0, momentum: 1, nesterov: 1, adam: 2, adamw: 2 }[optimiser.name]
        const moments = Array.from({ length: count }, () => shared(Array(parameters).fill(0)))
        for (let t = 1; t <= 3; t++) {
          const gradient = shared(noise(40, 100 + t))
          await put(store, `g${t}`, gradient)
          const request = {
            from: `v${t - 1}`,
            to: `v${t}`,
            gradient: `g${t}`,
            optimiser,
            parameters,
            step: t,
            learningRate: 0.1 / t
          }
          await store.applyUpdate(request)
          await store.applyUpdate(request)
          optimiserStep(kernels, optimiser, {
            parameters: state.subarray(0, parameters),
            gradient: gradient.subarray(0, parameters),
            state: moments,
            out: state.subarray(0, parameters),
            outState: moments,
            step: t,
            learningRate: 0.1 / t
          })
          state = shared([...state.subarray(0, parameters), ...gradient.subarray(parameters)])
          expect([...wordsOf(await read(store, `v${t}`))]).toEqual([...wordsOf(state)])
          for (const [i, moment] of moments.entries()) {
            expect([...wordsOf(await read(store, `v${t}:state:${i}`))]).toEqual([...wordsOf(moment)])
          }
        }
        expect(await store.has('v0')).toBe(true)
      })

      it('refuses gradients of another length, NaN, and learning rates that are none', async () => {
        const store = await open()
        await put(store, 'w', [1, 2])
        await put(store, 'long', [1, 2, 3])
        await put(store, 'nan', [1, NaN])
        await put(store, 'g', [1, 2])
        await expect(step(store, { from: 'w', gradient: 'long' })).rejects.toMatchObject({ code: 'shape' })
        await expect(step(store, { from: 'w', gradient: 'g', parameters: 3 })).rejects.toMatchObject({ code: 'shape' })
        await expect(step(store, { from: 'w', gradient: 'nan' })).rejects.toMatchObject({ code: 'non-finite' })
        await expect(step(store, { from: 'w', gradient: 'g', learningRate: NaN })).rejects.toMatchObject({
          code: 'non-finite'
        })
        await expect(step(store, { from: 'w', gradient: 'g', learningRate: 3e38 })).rejects.toMatchObject({
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

    describe('digest and verify', () => {
      it('is SHA-256 of the floats as they lie', async () => {
        const store = await open()
        const row = noise(1001, 5)
        await put(store, 'x', row)
        const bytes = new Uint8Array(Float32Array.from(row).buffer)
        const expected = createHash('sha256').update(bytes).digest('hex')
        expect(await store.digest('x')).toBe(expected)
        const { digest, firstNonFinite, norm } = await store.verify('x')
        expect([digest, firstNonFinite]).toEqual([expected, -1])
        expect(norm).toBe(Math.sqrt(kernels.squaredNorm(shared(row))))
        expect(await store.digest('x')).toBe(expected)
      })

      it('finds the first element that is not finite', async () => {
        const store = await open()
        await put(store, 'x', [0, 1, -Infinity, NaN])
        expect((await store.verify('x')).firstNonFinite).toBe(2)
        await expect(store.verify('gone')).rejects.toMatchObject({ code: 'missing' })
      })
    })

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
