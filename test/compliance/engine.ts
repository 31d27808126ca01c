import { Arena, layoutLength, random, type Dataset, type Engine, type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

/** An engine, and where it can tell: how many tensors are alive in each of its workers. */
export interface EngineUnderTest extends Engine {
  tensors?(): Promise<number[]>
}

export interface EngineComponents {
  readonly arena: Arena
  readonly dataset: Dataset
  readonly model: string
  readonly workers: number
}

export interface EngineProperties {
  /** starts an engine that runs peergrad's models */
  create(components: EngineComponents): Promise<EngineUnderTest>
  /** a data set of 1-channel images with at least 64 samples in each split */
  dataset(): Promise<Dataset>
}

/** a model without buffers, whose loss is a mean over the samples */
const PLAIN = 'mlp:hidden=6'
/** a model of a user with batch normalisation: with buffers */
const NORMALISED = `${fileURLToPath(new URL('./fixtures/norm-model.mjs', import.meta.url))}#normModel`

/** The laws of an engine, for ours and for yours. */
export function engineCompliance(name: string, properties: EngineProperties): void {
  describe(`engine ${name}`, () => {
    const arena = Arena.create({ bytes: 16 << 20 })
    const opened: Promise<EngineUnderTest>[] = []
    const shared = new Map<string, Promise<EngineUnderTest>>()

    /** A new engine. */
    async function start({ model = PLAIN, workers = 1, change = (dataset: Dataset) => dataset } = {}) {
      const dataset = change(await properties.dataset())
      const engine = properties.create({ arena, dataset, model, workers })
      opened.push(engine)
      return { engine: await engine, dataset }
    }

    /** An engine that the cases share, for it takes a while to start. */
    async function open({ model = PLAIN, workers = 1 } = {}) {
      const key = `${workers} ${model}`
      const engine = shared.get(key) ?? start({ model, workers }).then((started) => started.engine)
      shared.set(key, engine)
      return { engine: await engine, dataset: await properties.dataset() }
    }
    const vector = (of: Engine): Vector => arena.allocate(layoutLength(of.layout)).fill(0)
    async function initial(of: Engine, seed = 1): Promise<Vector> {
      const state = vector(of)
      await of.initialise(seed, state)
      return state
    }
    const batch = (samples: number[], seed = 1) => ({ samples: Uint32Array.from(samples), seed })
    const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

    afterAll(async () => {
      await Promise.all(opened.map(async (engine) => (await engine).close()))
    })

    it('lays the parameters, then the buffers, one after the other', async () => {
      const { engine } = await open({ model: NORMALISED })
      const { slots, parameters, buffers } = engine.layout
      let offset = 0
      for (const slot of slots) {
        expect(slot.offset).toBe(offset)
        expect(slot.length).toBe(slot.shape.reduce((product, size) => product * size, 1))
        offset += slot.length
      }
      expect(offset).toBe(parameters + buffers)
      expect(buffers).toBe(8)
      expect(slots.some((slot) => slot.offset === parameters)).toBe(true)
      expect(new Set(slots.map((slot) => slot.name)).size).toBe(slots.length)
    })

    it.each([PLAIN, NORMALISED])('gives the gradient that finite differences give: %s', async (model) => {
      const { engine } = await open({ model })
      const state = await initial(engine)
      const [into, other, ignored] = [vector(engine), vector(engine), vector(engine)]
      const minibatch = batch(upTo(12))
      const { loss } = await engine.gradient({ state, minibatch, into })
      expect(loss).toBeGreaterThan(0.3)
      const gradient = into.slice(0, engine.layout.parameters)
      const length = Math.hypot(...gradient)
      const lossAt = async (direction: Float32Array, step: number) => {
        other.set(state)
        direction.forEach((value, i) => (other[i]! += step * value))
        return (await engine.gradient({ state: other, minibatch, into: ignored })).loss
      }
      const source = random(3)
      const steepest = gradient.map((value) => value / length)
      const directions = upTo(8).map(() => gradient.map(() => source.normal() / Math.sqrt(gradient.length)))
      for (const direction of [steepest, ...directions]) {
        const slope = ((await lossAt(direction, 2e-3)) - (await lossAt(direction, -2e-3))) / 4e-3
        const expected = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0)
        expect(Math.abs(slope - expected)).toBeLessThan(1e-3 + 5e-3 * length)
      }
    })

    it('averages over the samples: the gradient of two halves is the mean of theirs', async () => {
      const { engine } = await open()
      const state = await initial(engine)
      const [whole, left, right] = [vector(engine), vector(engine), vector(engine)]
      const half = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { minLength: 5, maxLength: 5 })
      await fc.assert(
        fc.asyncProperty(half, half, async (a, b) => {
          const both = await engine.gradient({ state, minibatch: batch([...a, ...b]), into: whole })
          const one = await engine.gradient({ state, minibatch: batch(a), into: left })
          const two = await engine.gradient({ state, minibatch: batch(b), into: right })
          expect(both.loss).toBeCloseTo((one.loss + two.loss) / 2, 4)
          expect(both.samples).toBe(10)
          whole.forEach((value, i) => expect(Math.abs(value - (left[i]! + right[i]!) / 2)).toBeLessThan(1e-5))
        }),
        { numRuns: 10 }
      )
    })

    it('gives the same bits for the same call, on every worker', async () => {
      const { engine } = await open({ model: NORMALISED, workers: 2 })
      const state = await initial(engine)
      const before = state.slice()
      const results = upTo(6).map(() => vector(engine))
      await Promise.all(results.map((into) => engine.gradient({ state, minibatch: batch(upTo(16)), into })))
      for (const result of results) expect(result).toEqual(results[0])
      expect(state).toEqual(before)
    })

    it('starts from the same bits for a seed on every worker and in every engine', async () => {
      const first = await open({ model: NORMALISED })
      const expected = (await initial(first.engine, 5)).slice()
      const { engine } = await open({ model: NORMALISED, workers: 2 })
      const states = await Promise.all(upTo(4).map(() => initial(engine, 5)))
      for (const state of states) expect(state.slice()).toEqual(expected)
      expect((await initial(engine, 6)).slice()).not.toEqual(expected)
    })

    it.each([PLAIN, NORMALISED])('gives the same bits whatever model it had before: %s', async (model) => {
      const { engine } = await open({ model })
      const [other, state, into] = [vector(engine).fill(0.1), await initial(engine), vector(engine)]
      const gradient = async (of: Vector) => {
        await engine.gradient({ state: of, minibatch: batch(upTo(16)), into })
        return into.slice()
      }
      for (const { name: tensor, offset, length } of engine.layout.slots) {
        const changed = vector(engine)
        changed.set(state)
        changed[offset + length - 1]! += 0.25
        await gradient(other)
        const expected = await gradient(changed)
        await gradient(other)
        await gradient(state)
        expect(await gradient(changed), `after one that differs in the last of ${tensor}`).toEqual(expected)
      }
    })

    it('moves the buffers by the minibatch and evaluates by them', async () => {
      const { engine } = await open({ model: NORMALISED })
      const state = await initial(engine)
      const { parameters } = engine.layout
      const into = vector(engine)
      await engine.gradient({ state, minibatch: batch(upTo(32)), into })
      const moved = into.slice(parameters)
      expect(moved.every(Number.isFinite)).toBe(true)
      expect(moved).not.toEqual(state.slice(parameters))
      const before = await engine.evaluate({ state })
      state.set(moved, parameters)
      expect((await engine.evaluate({ state })).loss).not.toBe(before.loss)
      await engine.gradient({ state, minibatch: batch(upTo(32)), into })
      expect(into.slice(parameters)).not.toEqual(moved)
    })

    it('evaluates every sample of a split once', async () => {
      const { engine, dataset } = await open({ workers: 2 })
      const state = await initial(engine)
      const into = vector(engine)
      const { count } = dataset.train
      const whole = await engine.evaluate({ state, split: 'train' })
      const { loss } = await engine.gradient({ state, minibatch: batch(upTo(count)), into })
      expect(whole.samples).toBe(count)
      expect(whole.loss).toBeCloseTo(loss, 4)
      expect((whole.accuracy * count) % 1).toBeCloseTo(0, 6)
      expect((await engine.evaluate({ state })).samples).toBe(dataset.test.count)
      expect((await engine.evaluate({ state, limit: 7 })).samples).toBe(7)
    })

    it('evaluates the samples that are named, as often as they are', async () => {
      const { engine, dataset } = await open({ workers: 2 })
      const state = await initial(engine)
      const of = async (...samples: number[]) => {
        const { loss, ...rest } = await engine.evaluate({ state, split: 'train', samples: Uint32Array.from(samples) })
        expect(rest.samples).toBe(samples.length)
        return loss
      }
      expect(await of(...upTo(7))).toBeCloseTo((await engine.evaluate({ state, split: 'train', limit: 7 })).loss, 6)
      const [a, b] = [await of(3), await of(11)]
      expect(Math.abs(a - b)).toBeGreaterThan(1e-4)
      expect(await of(11, 3, 11)).toBeCloseTo((a + 2 * b) / 3, 5)
      await expect(of(dataset.train.count)).rejects.toMatchObject({ code: 'argument' })
      await expect(of()).rejects.toMatchObject({ code: 'argument' })
    })

    it('learns: descent on its gradients separates the classes', async () => {
      const { engine } = await open()
      const state = await initial(engine)
      const into = vector(engine)
      const before = await engine.evaluate({ state })
      for (let step = 0; step < 60; step++) {
        await engine.gradient({ state, minibatch: batch(upTo(64)), into })
        into.forEach((value, i) => (state[i]! -= 0.5 * value))
      }
      const after = await engine.evaluate({ state })
      expect(after.loss).toBeLessThan(before.loss / 2)
      expect(after.accuracy).toBeGreaterThan(0.7)
    })

    it('draws augmentation from the seed of the minibatch alone', async () => {
      const change = (dataset: Dataset) => ({ ...dataset, augment: { crop: 2, flip: true } })
      const { engine } = await start({ change })
      const state = await initial(engine)
      const [a, b, c] = [vector(engine), vector(engine), vector(engine)]
      await engine.gradient({ state, minibatch: batch(upTo(8), 1), into: a })
      await engine.gradient({ state, minibatch: batch(upTo(8), 2), into: b })
      await engine.gradient({ state, minibatch: batch(upTo(8), 1), into: c })
      expect(c).toEqual(a)
      expect(b).not.toEqual(a)
    })

    it('keeps no tensor: as many are alive after 100 steps as after one', async (context) => {
      const { engine } = await open({ model: NORMALISED })
      if (engine.tensors === undefined) return context.skip()
      const state = await initial(engine)
      const into = vector(engine)
      const step = async () => {
        await engine.gradient({ state, minibatch: batch(upTo(4)), into })
        await engine.evaluate({ state, limit: 4 })
      }
      await step()
      const after = await engine.tensors()
      for (let i = 0; i < 100; i++) await step()
      expect(await engine.tensors()).toEqual(after)
    })

    it('gives up calls that wait and one that runs, writes nothing from then on, and goes on', async () => {
      const { engine } = await open()
      const state = await initial(engine)
      const into = vector(engine)
      const abandoned = new AbortController()
      const places = upTo(3).map(() => vector(engine).fill(7))
      const long = batch(upTo(5000).map((i) => i % 64))
      const calls = places.map((place) =>
        engine.gradient({ state, minibatch: long, into: place, signal: abandoned.signal })
      )
      const evaluation = engine.evaluate({ state, signal: abandoned.signal })
      const other = engine.gradient({ state, minibatch: batch(upTo(4)), into })
      abandoned.abort()
      const rejected = [...calls, evaluation].map((call) => expect(call).rejects.toMatchObject({ code: 'aborted' }))
      await Promise.all(rejected)
      const written = places.map((place) => place.slice())
      const late = engine.gradient({ state, minibatch: batch([1]), into, signal: abandoned.signal })
      await expect(late).rejects.toMatchObject({ code: 'aborted' })
      expect((await other).samples).toBe(4)
      expect(places.map((place) => place.slice())).toEqual(written)
      // those that waited never began
      expect(written.slice(1).every((place) => place.every((value) => value === 7))).toBe(true)
    })

    it('refuses what does not fit', async () => {
      const { engine, dataset } = await open()
      const state = await initial(engine)
      const into = vector(engine)
      const short = arena.allocate(3)
      const refused = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ code })
      await refused(engine.gradient({ state: short, minibatch: batch([1]), into }), 'shape')
      await refused(engine.gradient({ state, minibatch: batch([1]), into: short }), 'shape')
      await refused(engine.gradient({ state, minibatch: batch([]), into }), 'argument')
      await refused(engine.gradient({ state, minibatch: batch([dataset.train.count]), into }), 'argument')
      await refused(engine.initialise(1, short), 'shape')
      await refused(engine.evaluate({ state, limit: 0 }), 'argument')
      await engine.gradient({ state, minibatch: batch([1]), into })
    })

    it('refuses calls after it was closed', async () => {
      const { engine } = await start()
      const state = await initial(engine)
      await engine.close()
      await expect(engine.evaluate({ state })).rejects.toMatchObject({ code: 'aborted' })
    })
  })
}
