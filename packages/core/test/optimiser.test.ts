import {
  Arena,
  checkOptimiser,
  createKernels,
  optimiserState,
  optimiserStep,
  OPTIMISERS,
  type Kernels,
  type OptimiserSpec
} from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const arena = Arena.create({ bytes: 16 << 20 })
const simd = createKernels({ memory: arena.memory, path: 'simd' })
const scalar = createKernels({ path: 'scalar' })
const code = (expected: string) => expect.objectContaining({ code: expected })

function vector(values: readonly number[]) {
  const out = arena.allocate(values.length)
  out.set(values)
  return out
}

/** Parameters and state after steps with the gradients given, each step into new vectors. */
function train(
  kernels: Kernels,
  spec: OptimiserSpec,
  start: number[],
  gradients: number[][],
  inPlace = false
): number[][] {
  let parameters = vector(start)
  let state = Array.from({ length: optimiserState(spec) }, () => vector(start.map(() => 0)))
  const taken = [parameters, ...state]
  for (const [i, values] of gradients.entries()) {
    const gradient = vector(values)
    const out = inPlace ? parameters : vector(start)
    const outState = inPlace ? state : state.map(() => vector(start))
    const before = [parameters, gradient, ...state].map((v) => [...v])
    const { learningRate } = spec
    optimiserStep(kernels, spec, { parameters, gradient, state, out, outState, step: i + 1, learningRate })
    if (!inPlace) {
      expect([parameters, gradient, ...state].map((v) => [...v])).toEqual(before)
      taken.push(out, ...outState)
    }
    taken.push(gradient)
    parameters = out
    state = outState
  }
  const result = [parameters, ...state].map((v) => [...v])
  for (const v of new Set(taken)) arena.free(v)
  return result
}

const repeat = (gradient: number[], steps: number) => Array.from({ length: steps }, () => gradient)
const start = [1, -2, 0.5, 3, -0.25]
const gradient = [0.5, -1, 2, 0.125, -4]

function near(actual: number[], expected: number[], relative = 2e-6): void {
  actual.forEach((value, i) =>
    expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(relative * (1 + Math.abs(expected[i])))
  )
}

describe('closed forms, with a constant gradient', () => {
  it('sgd: p − t·α·g', () => {
    const [p] = train(simd, { name: 'sgd', learningRate: 0.01 }, start, repeat(gradient, 20))
    near(
      p,
      start.map((v, i) => v - 20 * 0.01 * gradient[i])
    )
  })

  it('sgd with weight decay: the fixed point is −g/λ, approached as (1 − α·λ)^t', () => {
    const [p] = train(simd, { name: 'sgd', learningRate: 0.1, weightDecay: 0.5 }, start, repeat(gradient, 30))
    near(
      p,
      start.map((v, i) => -gradient[i] / 0.5 + (v + gradient[i] / 0.5) * 0.95 ** 30),
      1e-5
    )
  })

  it('momentum: v = g·(1 − μ^t)/(1 − μ)', () => {
    const [p, v] = train(simd, { name: 'momentum', learningRate: 0.01, momentum: 0.8 }, start, repeat(gradient, 12))
    const velocity = (t: number) => (1 - 0.8 ** t) / 0.2
    near(
      v,
      gradient.map((g) => g * velocity(12))
    )
    const path = Array.from({ length: 12 }, (_, t) => velocity(t + 1)).reduce((a, b) => a + b)
    near(
      p,
      start.map((x, i) => x - 0.01 * gradient[i] * path)
    )
  })

  it('nesterov looks one step ahead: g + μ·v', () => {
    const [p] = train(simd, { name: 'nesterov', learningRate: 0.01, momentum: 0.8 }, start, repeat(gradient, 12))
    const path = Array.from({ length: 12 }, (_, t) => 1 + (0.8 * (1 - 0.8 ** (t + 1))) / 0.2).reduce((a, b) => a + b)
    near(
      p,
      start.map((x, i) => x - 0.01 * gradient[i] * path)
    )
  })

  it('adam: every step is α·g/(|g| + ε)', () => {
    const [p, m, v] = train(simd, { name: 'adam', learningRate: 0.01, epsilon: 0.25 }, start, repeat(gradient, 25))
    near(
      p,
      start.map((x, i) => x - (25 * 0.01 * gradient[i]) / (Math.abs(gradient[i]) + 0.25)),
      1e-5
    )
    near(
      m,
      gradient.map((g) => g * (1 - 0.9 ** 25))
    )
    near(
      v,
      gradient.map((g) => g * g * (1 - 0.999 ** 25)),
      1e-5
    )
  })

  it('adamw: decay apart from the moments', () => {
    const spec = { name: 'adamw', learningRate: 0.1, weightDecay: 0.2, epsilon: 1e-12 } as const
    const [p, m] = train(simd, spec, start, repeat(gradient, 10))
    let expected = start
    for (let t = 0; t < 10; t++) expected = expected.map((x, i) => x * (1 - 0.1 * 0.2) - 0.1 * Math.sign(gradient[i]))
    near(p, expected, 1e-5)
    near(
      m,
      gradient.map((g) => g * (1 - 0.9 ** 10))
    )
  })

  it('adam with weight decay adds it to the gradient', () => {
    const spec = { name: 'adam', learningRate: 0.01, weightDecay: 0.5 } as const
    const [, m] = train(simd, spec, start, [gradient])
    near(
      m,
      gradient.map((g, i) => 0.1 * (g + 0.5 * start[i]))
    )
  })
})

/** PyTorch 2's documented algorithms in float64, written down apart from the kernels. */
function reference(spec: OptimiserSpec, p: number[], gradients: number[][]): number[] {
  const lambda = spec.weightDecay ?? (spec.name === 'adamw' ? 0.01 : 0)
  const { learningRate: lr } = spec
  const v = p.map(() => 0)
  const m = p.map(() => 0)
  const out = [...p]
  gradients.forEach((g, k) => {
    const t = k + 1
    for (let i = 0; i < p.length; i++) {
      if (spec.name === 'adam' || spec.name === 'adamw') {
        let d = g[i]
        if (spec.name === 'adamw') out[i] -= lr * lambda * out[i]
        else d += lambda * out[i]
        m[i] += 0.1 * (d - m[i])
        v[i] = 0.999 * v[i] + 0.001 * d * d
        out[i] -= (lr * (m[i] / (1 - 0.9 ** t))) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8)
      } else {
        const d = g[i] + lambda * out[i]
        v[i] = 0.9 * v[i] + d
        out[i] -= lr * { sgd: d, momentum: v[i], nesterov: d + 0.9 * v[i] }[spec.name]
      }
    }
  })
  return out
}

const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: -10, max: 10 })
const training = fc.integer({ min: 1, max: 23 }).chain((length) => {
  const values = fc.array(number, { minLength: length, maxLength: length })
  return fc.tuple(values, fc.array(values, { minLength: 1, maxLength: 6 }))
})

describe.each(
  OPTIMISERS.flatMap((name) => [
    { name, weightDecay: 0 },
    { name, weightDecay: 0.05 }
  ])
)('$name, weight decay $weightDecay', ({ name, weightDecay }) => {
  const spec: OptimiserSpec = { name, weightDecay, learningRate: 0.01 }

  it('agrees with the reference in float64', () => {
    fc.assert(
      fc.property(training, ([p, gradients]) => {
        const usual = gradients.map((g) => g.map((v) => Math.sign(v) * (Math.abs(v) + 0.01)))
        near(train(simd, spec, p, usual)[0], reference(spec, p, usual), 1e-5)
      })
    )
  })

  it('gives the same bits on both paths, and in place', () => {
    fc.assert(
      fc.property(training, ([p, gradients]) => {
        const expected = train(simd, spec, p, gradients)
        expect(train(scalar, spec, p, gradients)).toEqual(expected)
        expect(train(simd, spec, p, gradients, true)).toEqual(expected)
        expect(train(scalar, spec, p, gradients, true)).toEqual(expected)
      })
    )
  })
})

it('gives these bits on every machine and in every implementation', () => {
  const gradients = Array.from({ length: 50 }, (_, t) => start.map((_, i) => (((t * 31 + i * 17) % 64) - 32) / 64))
  const bits = (spec: OptimiserSpec) =>
    train(simd, spec, start, gradients)[0].map((v) => new Uint32Array(new Float32Array([v]).buffer)[0].toString(16))
  expect(bits({ name: 'nesterov', learningRate: 0.1, weightDecay: 0.0005 })).toMatchInlineSnapshot(`
    [
      "3db26497",
      "bf3e30fa",
      "be26f6cc",
      "408050f4",
      "bdf7b213",
    ]
  `)
  expect(bits({ name: 'adam', learningRate: 0.001 })).toMatchInlineSnapshot(`
    [
      "3f7f5104",
      "bfff2b5c",
      "3efe2f59",
      "40402fec",
      "be7c662f",
    ]
  `)
  expect(bits({ name: 'adamw', learningRate: 0.001 })).toMatchInlineSnapshot(`
    [
      "3f7f303a",
      "bfff0a9b",
      "3efe0ec0",
      "40401750",
      "be7c45dd",
    ]
  `)
})

it('refuses constants and vectors that are none', () => {
  const [p, g, s, short] = [vector([1, 2]), vector([1, 2]), vector([0, 0]), vector([1])]
  const step = (spec: OptimiserSpec, change: object = {}) =>
    optimiserStep(simd, spec, {
      parameters: p,
      gradient: g,
      state: [],
      out: p,
      outState: [],
      step: 1,
      learningRate: 0.1,
      ...change
    })
  const sgd: OptimiserSpec = { name: 'sgd', learningRate: 0.1 }
  expect(() => step(sgd, { state: [s] })).toThrow(code('argument'))
  expect(() => step({ name: 'adam', learningRate: 0.1 }, { state: [s], outState: [s] })).toThrow(code('argument'))
  for (const bad of [0, -1, 1.5, NaN]) expect(() => step(sgd, { step: bad })).toThrow(code('argument'))
  for (const bad of [NaN, Infinity]) expect(() => step(sgd, { learningRate: bad })).toThrow(code('non-finite'))
  expect(() => step(sgd, { gradient: short })).toThrow(code('shape'))
  expect(() => step({ name: 'momentum', learningRate: 0.1 }, { state: [s], outState: [g] })).toThrow(code('argument'))
  expect([...p]).toEqual([1, 2])
  const bad: [OptimiserSpec, RegExp][] = [
    [{ name: 'sgd', learningRate: -1 }, /learningRate: got -1/],
    [{ name: 'sgd', learningRate: 1, weightDecay: NaN }, /weightDecay: got NaN/],
    [{ name: 'momentum', learningRate: 1, momentum: 1 }, /momentum: got 1, expected 0 ≤ momentum < 1/],
    [{ name: 'adam', learningRate: 1, beta1: 1 }, /beta1/],
    [{ name: 'adam', learningRate: 1, beta2: -0.1 }, /beta2/],
    [{ name: 'adamw', learningRate: 1, epsilon: 0 }, /epsilon/],
    [{ name: 'adamw', learningRate: 1, epsilon: 1e-60 }, /epsilon/]
  ]
  for (const [spec, message] of bad) {
    expect(() => checkOptimiser(spec)).toThrow(code('argument'))
    expect(() => checkOptimiser(spec)).toThrow(message)
  }
  const stranger = JSON.parse('{"name":"toString","learningRate":0.1}') as OptimiserSpec
  expect(() => checkOptimiser(stranger)).toThrow(code('unknown'))
})
