import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  createKernels,
  loadPlugin,
  optimiserState,
  optimiserStep,
  random,
  resolvePlugin,
  type GradientStore,
  type OptimiserSpec
} from '@peergrad/core'
import { aggregators } from '@peergrad/strategies'
import { assertSame, bits } from '../arrays.js'
import type { StoreLaw } from './laws.js'
import { bitsOf, noise, put, refuses, shared } from './vectors.js'

const kernels = createKernels()
const OPTIMISERS: readonly OptimiserSpec[] = [
  { name: 'sgd', learningRate: 0.1, weightDecay: 0.01 },
  { name: 'nesterov', learningRate: 0.1 },
  { name: 'adam', learningRate: 0.01 }
]

/** What must hold of the work that is done on vectors: the bits of core's kernels, whole or not at all. */
export const WORK_LAWS: readonly StoreLaw[] = [
  {
    name: "averages with the bits of core's mean, in the order given",
    async prove({ store }) {
      const rows = [1, 2, 3, 4, 5].map((seed) => noise(70, seed))
      const keys = await putAll(store, rows)
      await store.average([...keys].reverse(), 'mean')
      const expected = shared(Array(70).fill(0))
      kernels.mean(expected, [...rows].reverse().map(shared))
      assertSame(await bitsOf(store, 'mean'), bits(expected), 'bits')
      await store.average([...keys].reverse(), 'mean')
      await refuses('conflict', 'another average under its key', () => store.average(keys.slice(1), 'mean'))
    }
  },
  {
    name: 'averages the gradients of more than a thousand minibatches',
    async prove({ store }) {
      const rows = Array.from({ length: 1100 }, (_, k) => [k / 7, -k])
      const keys = rows.map((_, k) => `many:${k}`)
      await Promise.all(rows.map((row, k) => put(store, keys[k], row)))
      await store.average(keys, 'mean')
      const expected = shared([0, 0])
      kernels.mean(expected, rows.map(shared))
      assertSame(await bitsOf(store, 'mean'), bits(expected), 'bits')
    }
  },
  {
    name: 'works on its inputs as they were when it was called, even if they are deleted meanwhile',
    async prove({ store }) {
      await put(store, 'x', Array(200_000).fill(1))
      await put(store, 'y', Array(200_000).fill(3))
      const work = store.average(['x', 'y'], 'mean')
      await store.delete(['x', 'y'])
      await put(store, 'z', Array(200_000).fill(100))
      await work
      const lease = await store.get('mean')
      assert.deepEqual([...new Set(lease.vector)], [2], 'values')
      lease.release()
    }
  },
  {
    name: 'refuses to average nothing, one vector twice, and vectors of several lengths',
    async prove({ store }) {
      await put(store, 'x', [1])
      await put(store, 'y', [1, 2])
      await refuses('argument', 'average of nothing', () => store.average([], 'to'))
      await refuses('duplicate', 'average of x and x', () => store.average(['x', 'x'], 'to'))
      await refuses('shape', 'average of 1 and 2 floats', () => store.average(['x', 'y'], 'to'))
    }
  },
  ...['mean', 'median', 'mean:weighted=true', 'centered-clipping:tau=9,iterations=3'].map((name): StoreLaw => ({
    name: `aggregates by ${name} with the bits of the rule itself`,
    async prove({ store }) {
      const rule = resolvePlugin(aggregators, name)
      const rows = [1, 2, 3].map((seed) => noise(40, seed))
      const from = await putAll(store, rows)
      const samples = [8, 16, 4]
      await store.aggregate({ from, to: 'to', rule, samples, parameters: 37, seed: 1 })
      const expected = shared(Array(40).fill(0))
      const aggregator = await loadPlugin('aggregator', rule)
      const scratch = (length: number) => ({ vector: shared(Array(length).fill(0)), release: () => {} })
      const part = (start: number, end: number) => {
        const vectors = rows.map((row) => shared(row.slice(start, end)))
        return { vectors, samples, out: expected.subarray(start, end), kernels, random: random(1), scratch }
      }
      aggregator.aggregate(part(0, 37))
      const buffers = part(37, 40)
      if (aggregator.buffers === 'median') kernels.median(buffers.out, buffers.vectors)
      else aggregator.aggregate(buffers)
      assertSame(await bitsOf(store, 'to'), bits(expected), 'bits')
    }
  })),
  {
    name: 'refuses to aggregate what is not finite',
    async prove({ store }) {
      const from = await putAll(store, [
        [1, 2, 3],
        [1, 2, NaN]
      ])
      const rule = resolvePlugin(aggregators, 'mean')
      await refuses('non-finite', 'NaN among the inputs', () =>
        store.aggregate({ from, to: 'to', rule, samples: [1, 1], parameters: 3, seed: 1 })
      )
      assert.equal(await store.has('to'), false, 'has')
    }
  },
  ...OPTIMISERS.map((optimiser): StoreLaw => ({
    name: `steps by ${optimiser.name} with the bits of core's optimiser, once for a call that comes twice, and takes the buffers as they come`,
    prove: ({ store }) => steps(store, optimiser)
  })),
  {
    name: 'refuses a step with a gradient that is not finite or of another length',
    async prove({ store }) {
      await put(store, 'w', [1, 2])
      await put(store, 'nan', [1, NaN])
      await put(store, 'long', [1, 2, 3])
      const [optimiser] = OPTIMISERS
      const request = { from: 'w', to: 'next', optimiser, parameters: 2, step: 1, learningRate: 0.1 }
      await refuses('non-finite', 'NaN', () => store.applyUpdate({ ...request, gradient: 'nan' }))
      await refuses('shape', '3 floats for 2', () => store.applyUpdate({ ...request, gradient: 'long' }))
      assert.equal(await store.has('next'), false, 'has')
    }
  },
  {
    name: 'combines vectors in the order given, each product and sum rounded',
    async prove({ store }) {
      const rows = [1, 2, 3].map((seed) => noise(70, seed))
      const keys = await putAll(store, rows)
      const factors = [1 / 3, -1, 0.1]
      await store.combine({ terms: keys.map((key, k) => ({ key, factor: factors[k] })), to: 'sum' })
      const term = (k: number, i: number) => Math.fround(Math.fround(factors[k]) * rows[k][i])
      const expected = rows[0].map((_, i) => Math.fround(term(0, i) + term(1, i)) + term(2, i))
      assertSame(await bitsOf(store, 'sum'), bits(shared(expected)), 'bits')
    }
  },
  {
    name: 'joins what it sliced, and slices nothing beyond the end',
    async prove({ store }) {
      await put(store, 'x', noise(30, 1))
      await store.slice({ from: 'x', offset: 0, length: 7, to: 'a' })
      await store.slice({ from: 'x', offset: 7, length: 23, to: 'b' })
      await store.join({ from: ['a', 'b'], to: 'y' })
      assertSame(await bitsOf(store, 'y'), await bitsOf(store, 'x'), 'bits')
      await refuses('shape', 'floats 29 to 31 of 30', () => store.slice({ from: 'x', offset: 29, length: 2, to: 'c' }))
    }
  },
  {
    name: 'knows the SHA-256 of a vector, its norm, and its first element that is not finite',
    async prove({ store }) {
      const row = noise(1001, 5)
      await put(store, 'x', row)
      const digest = createHash('sha256')
        .update(new Uint8Array(Float32Array.from(row).buffer))
        .digest('hex')
      assert.equal(await store.digest('x'), digest, 'digest')
      const norm = Math.sqrt(kernels.squaredNorm(shared(row)))
      assert.deepEqual(await store.verify('x'), { digest, firstNonFinite: -1, norm }, 'verify')
      await put(store, 'y', [0, 1, -Infinity, NaN])
      assert.equal((await store.verify('y')).firstNonFinite, 2, 'firstNonFinite')
      await refuses('missing', 'verify of what is not there', () => store.verify('gone'))
    }
  },
  {
    name: 'takes no call after it is closed, and closes twice',
    async prove({ store }) {
      await put(store, 'x', [1])
      await store.close()
      await refuses('aborted', 'get after close', () => store.get('x'))
      await refuses('aborted', 'lease after close', () => store.lease(1))
    }
  }
]

async function putAll(store: GradientStore, rows: readonly (readonly number[])[]): Promise<string[]> {
  for (const [k, row] of rows.entries()) await put(store, `x:${k}`, row)
  return rows.map((_, k) => `x:${k}`)
}

async function steps(store: GradientStore, optimiser: OptimiserSpec): Promise<void> {
  const parameters = 37
  let state = shared(noise(40, 1))
  await put(store, 'v0', state)
  const moments = Array.from({ length: optimiserState(optimiser) }, () => shared(Array(parameters).fill(0)))
  for (const step of [1, 2, 3]) {
    const gradient = shared(noise(40, 100 + step))
    await put(store, `g${step}`, gradient)
    const learningRate = 0.1 / step
    const [from, to] = [`v${step - 1}`, `v${step}`]
    const request = { from, to, gradient: `g${step}`, optimiser, parameters, step, learningRate }
    await store.applyUpdate(request)
    await store.applyUpdate(request)
    const trained = state.slice(0, parameters)
    const next = shared(trained)
    optimiserStep(kernels, optimiser, {
      parameters: shared(trained),
      gradient: shared(gradient.subarray(0, parameters)),
      state: moments,
      out: next,
      outState: moments,
      step,
      learningRate
    })
    state = shared([...next, ...gradient.subarray(parameters)])
    assertSame(await bitsOf(store, to), bits(state), `the model after step ${step}`)
    for (const [index, moment] of moments.entries()) {
      assertSame(await bitsOf(store, `${to}:state:${index}`), bits(moment), `state ${index} after step ${step}`)
    }
  }
  assert.equal(await store.has('v0'), true, 'the version before must stay')
}
