import { type Vector } from '@peergrad/core'
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clip, kernels, krum, meamed, result, trimmed, vector } from './module-reference.js'
import { type Argument, bytes, expectSameBits, ModuleServer, noise, title, unavailable } from './module-server.js'

const finite = fc.float({ noNaN: true, noDefaultInfinity: true })
const moderate = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })
/** n vectors of one length, with many equal values: ties are where rules go wrong. */
const rows = (least: number, most: number, value: fc.Arbitrary<number> = moderate) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: 0, max: 21 })).chain(([n, length]) =>
    fc.array(fc.array(fc.oneof(value, fc.constantFrom(0, -0, 1, -1)), { minLength: length, maxLength: length }), {
      minLength: n,
      maxLength: n
    })
  )
const RUNS = { numRuns: 40 }
/** One more than three regions and above what runs on the main thread. */
const BIG = 3 * 65_536 + 4097

describe.skipIf(unavailable !== undefined)(title('the module computes the bits of core'), () => {
  let server: ModuleServer
  let made = 0

  beforeAll(async () => {
    server = await new ModuleServer().start()
  })
  afterAll(async () => await server.stop())

  /** Stores the vectors under fresh names. */
  async function store(inputs: readonly (Float32Array | readonly number[])[]): Promise<string[]> {
    const keys = inputs.map(() => `in:${made++}`)
    await Promise.all(keys.map((key, k) => server.set(key, inputs[k])))
    return keys
  }

  async function make(call: (to: string) => [string, ...Argument[]]): Promise<Float32Array> {
    const to = `out:${made++}`
    const [command, ...args] = call(to)
    expect(await server.pg(command, ...args)).toBe('OK')
    return await server.get(to)
  }

  const compare = async (
    inputs: readonly Float32Array[],
    command: (to: string, keys: string[]) => [string, ...Argument[]],
    expected: (inputs: Vector[]) => Float32Array
  ) => {
    const keys = await store(inputs)
    expectSameBits(await make((to) => command(to, keys)), expected(inputs.map((x) => vector(x))))
  }

  const floatRows = (x: number[][]) => x.map((row) => Float32Array.from(row))
  const big = (n: number) => Array.from({ length: n }, (_, k) => noise(BIG, k + 1))
  const mean = (x: Vector[]) => result(x[0].length, (out) => kernels.mean(out, x))

  it('AVERAGE is kernels.mean', async () => {
    const check = (x: Float32Array[]) => compare(x, (to, keys) => ['AVERAGE', to, keys.length, ...keys], mean)
    await fc.assert(
      fc.asyncProperty(rows(1, 9, finite), async (x) => await check(floatRows(x))),
      RUNS
    )
    await check(big(5))
  })

  describe('AGGREGATE', () => {
    type Of = (inputs: Vector[]) => Float32Array
    const check = async (
      x: Float32Array[],
      split: number,
      rule: string,
      options: Argument[],
      of: Of,
      ofBuffers: Of = of
    ) => {
      const parts: Of = (inputs) => {
        const part = (from: number, to: number, made: Of) =>
          from === to ? new Float32Array(0) : made(inputs.map((input) => vector(input.subarray(from, to))))
        const length = inputs[0].length
        return Float32Array.from([...part(0, split, of), ...part(split, length, ofBuffers)])
      }
      await compare(x, (to, keys) => ['AGGREGATE', to, rule, split, keys.length, ...keys, ...options], parts)
    }
    const property = async (least: number, rule: string, options: (n: number) => [Argument[], Of, Of?]) => {
      await fc.assert(
        fc.asyncProperty(rows(least, 9), fc.nat(), async (x, at) => {
          const [args, ...of] = options(x.length)
          await check(floatRows(x), at % (x[0].length + 1), rule, args, ...of)
        }),
        RUNS
      )
      const [args, ...of] = options(least + 2)
      await check(big(least + 2), BIG - 1001, rule, args, ...of)
    }

    it('MEAN', async () => await property(1, 'MEAN', () => [[], mean]))
    it('MEDIAN', async () => {
      const median: Of = (x) => result(x[0].length, (out) => kernels.median(out, x))
      await property(1, 'MEDIAN', () => [[], median])
      for (const n of [16, 33, 64]) {
        await check(
          Array.from({ length: n }, (_, k) => noise(300, k)),
          7,
          'median',
          [],
          median
        )
      }
    })
    it('TRIMMED', async () => {
      await property(1, 'TRIMMED', (n) => {
        const f = (n - 1) >> 1
        return [['F', f], (x) => trimmed(x, f)]
      })
      await property(3, 'TRIMMED', () => [['F', 1], (x) => trimmed(x, 1)])
    })
    it('MEAMED', async () => {
      await property(1, 'MEAMED', (n) => [['F', n - 1], (x) => meamed(x, n - 1)])
      await property(3, 'MEAMED', () => [['F', 2], (x) => meamed(x, 2)])
    })
    it('KRUM', async () => await property(3, 'KRUM', (n) => [['F', n - 3], (x) => krum(x, n - 3, 1)]))
    it('MULTIKRUM', async () => {
      await property(4, 'MULTIKRUM', (n) => [['M', n - 2, 'F', 1], (x) => krum(x, 1, n - 2)])
      await property(3, 'MULTIKRUM', (n) => [['F', 0, 'M', n], (x) => krum(x, 0, n)])
    })
    it('WEIGHTED', async () => {
      const weights = (n: number) => Array.from({ length: n }, (_, k) => (k === 1 ? 0 : 0.1 + 3 * k))
      await property(1, 'WEIGHTED', (n) => [
        ['WEIGHTS', ...weights(n)],
        (x) => result(x[0].length, (out) => kernels.weightedMean(out, x, weights(n)))
      ])
    })
    it('CLIP', async () => {
      const median: Of = (x) => result(x[0].length, (out) => kernels.median(out, x))
      for (const from of [0, 1]) {
        const options = ['TAU', 1.5, 'ITERATIONS', 3, 'MEDIAN', from]
        await property(1, 'CLIP', () => [options, (x) => clip(x, { tau: 1.5, iterations: 3, median: from }), median])
      }
    })
  })

  describe('UPDATE', () => {
    const coefficients = { learningRate: 0.1, weightDecay: 1e-4, momentum: 0.9 }
    const adam = {
      stepSize: 0.003,
      weightDecay: 0.01,
      shrink: 0.999,
      beta1: 0.9,
      gamma1: 1 - 0.9,
      beta2: 0.999,
      gamma2: 1 - 0.999,
      correction: 0.0316,
      epsilon: 1e-8
    }
    type Step = (p: Vector, g: Vector, state: Vector[]) => Vector[]
    const optimisers: [string, Argument[], number, Step][] = [
      [
        'SGD',
        [0.1, 1e-4],
        0,
        (p, g) => {
          const out = vector(p.length)
          kernels.sgd(out, p, g, coefficients)
          return [out]
        }
      ],
      ...[false, true].map((nesterov): [string, Argument[], number, Step] => [
        'MOMENTUM',
        [0.1, 1e-4, 0.9, Number(nesterov)],
        1,
        (p, g, [velocity]) => {
          const out = { parameters: vector(p.length), velocity: vector(p.length) }
          kernels.momentum(out, { parameters: p, velocity }, g, { ...coefficients, nesterov })
          return [out.parameters, out.velocity]
        }
      ]),
      [
        'ADAM',
        Object.values(adam),
        2,
        (p, g, [first, second]) => {
          const out = { parameters: vector(p.length), first: vector(p.length), second: vector(p.length) }
          kernels.adam(out, { parameters: p, first, second }, g, adam)
          return [out.parameters, out.first, out.second]
        }
      ]
    ]

    it.each(optimisers)('%s %j', async (name, args, states, step) => {
      const check = async (p: Float32Array, g: Float32Array, parameters: number) => {
        const [from, gradient] = await store([p, g])
        let state = Array.from({ length: states }, () => vector(parameters))
        let [at, values] = [from, vector(p)]
        // the first step is fresh, the second starts from the state that the first left
        for (const fresh of [true, false]) {
          const to = `version:${made++}`
          const keys = (word: string, of: string) =>
            states === 0 ? [] : [word, ...Array.from({ length: states }, (_, k) => `${of}:state:${k}`)]
          const options = [...(fresh ? [] : keys('STATE', at)), ...keys('NEXT', to)]
          expect(await server.pg('UPDATE', at, to, gradient, parameters, name, ...args, ...options)).toBe('OK')
          const [next, ...nextState] = step(
            vector(values.subarray(0, parameters)),
            vector(g.subarray(0, parameters)),
            state
          )
          expectSameBits(await server.get(to), Float32Array.from([...next, ...g.subarray(parameters)]))
          for (const [k, expected] of nextState.entries()) {
            expectSameBits(await server.get(`${to}:state:${k}`), Float32Array.from(expected))
          }
          state = nextState
          at = to
          values = vector([...next, ...g.subarray(parameters)])
        }
      }
      await fc.assert(
        fc.asyncProperty(rows(2, 2), fc.nat(), async ([p, g], at) => {
          await check(Float32Array.from(p), Float32Array.from(g), at % (p.length + 1))
        }),
        RUNS
      )
      await check(noise(BIG, 1), noise(BIG, 2), BIG - 1001)
    })
  })

  it('ACCUMULATE leaves kernels.mean, whatever the order of the chunks of one contribution', async () => {
    const length = 2 * 262_144 + 5
    const inputs = [1, 2, 3].map((seed) => noise(length, seed))
    const offsets = [0, 262_144, 524_288]
    for (const [index, x] of inputs.entries()) {
      for (const offset of index === 1 ? [...offsets].reverse() : offsets) {
        const chunk = bytes(x.subarray(offset, offset + 262_144))
        const last = index === 2 && offset === 524_288
        const reply = await server.pg('ACCUMULATE', 'acc', length, 3, index, offset, chunk)
        expect(reply).toBe(last ? 'SEALED' : 'OK')
      }
    }
    expectSameBits(await server.get('acc'), mean(inputs.map((x) => vector(x))))
  })

  it('DIGEST, VERIFY and SAME', async () => {
    const lengths = fc.oneof(fc.constantFrom(0, 13, 14, 15, 16, 29, 30, 31), fc.nat(200))
    const check = async (x: Float32Array) => {
      const [key, copy] = await store([x, x])
      const digest = createHash('sha256').update(bytes(x)).digest('hex')
      const at = kernels.firstNonFinite(vector(x))
      const [hex, nonFinite, norm] = (await server.pg('VERIFY', key)) as [string, number, string]
      expect([hex, nonFinite]).toEqual([digest, at])
      if (at === -1) expect(Number(norm)).toBe(Math.sqrt(kernels.squaredNorm(vector(x))))
      expect(await server.pg('DIGEST', key)).toBe(digest)
      expect(await server.pg('DIGEST', key)).toBe(digest)
      expect(await server.pg('SAME', key, copy)).toBe(1)
    }
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(), async (n, seed) => await check(noise(n, seed))),
      RUNS
    )
    await check(noise(BIG, 3))
    await check(Float32Array.of(1, Infinity, NaN))
    const [a, b] = await store([
      [0, 1],
      [-0, 1]
    ])
    expect(await server.pg('SAME', a, b)).toBe(0)
  })
})
