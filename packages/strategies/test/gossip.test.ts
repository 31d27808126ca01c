import fc from 'fast-check'
import { createKernels, type RoundContext, type Vector } from '@peergrad/core'
import { expect, it } from 'vitest'
import { clippedAround } from '../dist/architectures/clipped.js'
import { gossip } from '../dist/architectures/gossip.js'
import { metropolis, neighbours, TOPOLOGIES } from '../dist/architectures/topology.js'
import { vector } from './by-rule.js'

/** What `clippedAround` asks of a store, over vectors of this process. */
function contextOf(vectors: Map<string, Vector>, parameters: number): RoundContext {
  const kernels = createKernels()
  const get = (key: string) => vectors.get(key)!
  const { length } = [...vectors.values()][0]!
  const store = {
    async combine({ terms, to }: { terms: { key: string; factor: number }[]; to: string }) {
      const out = vector(new Float32Array(length))
      for (const { key, factor } of terms) kernels.axpy(out, factor, get(key))
      vectors.set(to, out)
    },
    async slice({ from, offset, length: count, to }: { from: string; offset: number; length: number; to: string }) {
      vectors.set(to, vector(get(from).slice(offset, offset + count)))
    },
    async verify(key: string) {
      return { norm: Math.sqrt(kernels.squaredNorm(get(key))) }
    },
    async delete(keys: string[]) {
      for (const key of keys) vectors.delete(key)
    }
  }
  const engine = { layout: { parameters, buffers: length - parameters } }
  return { store, engine, key: (name: string) => name } as unknown as RoundContext
}

async function clipped(rows: readonly number[][], weights: readonly number[], tau: number, parameters: number) {
  const vectors = new Map(rows.map((row, i) => [`x${i}`, vector(row)]))
  const others = weights.map((weight, i) => ({ key: `x${i + 1}`, weight }))
  const key = await clippedAround(contextOf(vectors, parameters), 'x0', others, tau)
  return [...vectors.get(key)!]
}

const number = fc.double({ min: -10, max: 10, noNaN: true })
const models = fc.integer({ min: 2, max: 6 }).chain((n) => {
  const row = fc.array(number, { minLength: 4, maxLength: 4 })
  return fc.array(row, { minLength: n, maxLength: n })
})

it('is x_i + Σ w_ij clip(x_j − x_i, τ), and so never further from x_i than τ·Σ w_ij', async () => {
  await fc.assert(
    fc.asyncProperty(models, fc.double({ min: 0.01, max: 30, noNaN: true }), async (rows, tau) => {
      const weights = rows.slice(1).map(() => 1 / rows.length)
      const expected = rows[0]!.map((centre, i) =>
        rows.slice(1).reduce((sum, row, j) => {
          const norm = Math.hypot(...row.map((value, k) => value - rows[0]![k]!))
          return sum + weights[j]! * Math.min(1, norm === 0 ? 1 : tau / norm) * (row[i]! - centre)
        }, centre)
      )
      const found = await clipped(rows, weights, tau, 4)
      for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 3)
      const moved = Math.hypot(...found.map((value, i) => value - rows[0]![i]!))
      expect(moved).toBeLessThanOrEqual(tau * weights.reduce((sum, weight) => sum + weight, 0) + 1e-4)
    })
  )
})

it('looks at the trainable part alone', async () => {
  // the distance is 3 and not 5, so τ = 3 clips nothing
  expect(
    await clipped(
      [
        [0, 0],
        [3, 4]
      ],
      [0.5],
      3,
      1
    )
  ).toEqual([1.5, 2])
})

const graphs = fc.record({
  topology: fc.constantFrom(...TOPOLOGIES),
  n: fc.integer({ min: 1, max: 40 }),
  degree: fc.integer({ min: 2, max: 9 }),
  core: fc.integer({ min: 1, max: 12 }),
  seed: fc.integer({ min: 0, max: 1000 })
})

it('a topology is the same seen from both ends, connected, and nobody is next to itself', () => {
  fc.assert(
    fc.property(graphs, ({ topology, n, ...more }) => {
      const graph = neighbours(topology, n, more)
      expect(graph).toHaveLength(n)
      graph.forEach((next, i) => {
        expect(next).toEqual([...new Set(next)].sort((a, b) => a - b))
        expect(next).not.toContain(i)
        for (const j of next) expect(graph[j]).toContain(i)
      })
      const reached = new Set([0])
      for (const i of reached) graph[i]!.forEach((j) => reached.add(j))
      expect(reached.size).toBe(n)
      expect(neighbours(topology, n, more)).toEqual(graph)
    })
  )
})

it('a random graph is regular, where n and the degree allow it, and another one for another seed', () => {
  fc.assert(
    fc.property(graphs, ({ n, degree, core, seed }) => {
      const degrees = neighbours('random', n, { degree, core, seed }).map(({ length }) => length)
      const wanted = Math.min(degree, n - 1)
      const odd = n % 2 === 1 && wanted % 2 === 1
      expect([...degrees].sort((a, b) => a - b)).toEqual(degrees.map((_, i) => (odd && i === 0 ? wanted - 1 : wanted)))
    })
  )
  const of = (seed: number) => neighbours('random', 20, { degree: 4, core: 5, seed })
  expect(of(1)).not.toEqual(of(2))
})

it('gossip over a random graph has another one for another seed of its own, and 0 unless given', () => {
  const of = (seed?: number) => gossip({ topology: 'random', ...(seed !== undefined && { seed }) }).neighbours?.(20)
  expect(of()).toEqual(of(0))
  expect(of(1)).not.toEqual(of(0))
  expect(() => gossip({ seed: -1 })).toThrow(expect.objectContaining({ code: 'argument' }))
})

it('a ring, a torus and all others are what they are called', () => {
  const of = (topology: (typeof TOPOLOGIES)[number], n: number) =>
    neighbours(topology, n, { degree: 3, core: 5, seed: 0 })
  expect(of('ring', 5)[0]).toEqual([1, 4])
  // 3 × 4
  expect(of('torus', 12)[5]).toEqual([1, 4, 6, 9])
  expect(of('torus', 7)).toEqual(of('ring', 7))
  expect(of('full', 4)[1]).toEqual([0, 2, 3])
})

it('Metropolis weights are the same both ways, and of each place come to one', () => {
  fc.assert(
    fc.property(graphs, ({ topology, n, ...more }) => {
      const graph = neighbours(topology, n, more)
      const weights = graph.map((_, i) => metropolis(graph, i))
      weights.forEach(({ self, others }, i) => {
        expect(self).toBeGreaterThan(0)
        expect(others.reduce((sum, weight) => sum + weight, self)).toBeCloseTo(1, 12)
        graph[i]!.forEach((j, k) => expect(others[k]).toBe(weights[j]!.others[graph[j]!.indexOf(i)]))
      })
    })
  )
})

it('a sunlet is a ring with leaves in turn', () => {
  expect(neighbours('sunlet', 9, { degree: 3, core: 4, seed: 0 })).toEqual([
    [1, 3, 4, 8],
    [0, 2, 5],
    [1, 3, 6],
    [0, 2, 7],
    [0],
    [1],
    [2],
    [3],
    [0]
  ])
})

it.each([
  ['rule', ['b', 'a', 'c', 'd']],
  ['weights', ['a', 'b', 'c', 'd']]
])('merge=%s takes the models of the neighbours and its own in the order %j', async (merge, expected) => {
  const members = ['a', 'b', 'c', 'd']
  const taken: string[][] = []
  const context = {
    view: { members },
    self: 'b',
    state: 'state',
    last: () => false,
    key: (name: string) => name,
    contribute: async () => ({ manifest: { peer: 'b', digest: 'b' } }),
    agreed: async () => members.map((peer) => ({ peer, digest: peer })),
    fetch: async (among: { peer: string }[]) => among.map(({ peer }) => peer),
    measure: async (_: string, work: () => Promise<unknown>) => work(),
    aggregate: async (keys: string[]) => void taken.push(keys),
    store: { combine: async ({ terms }: { terms: { key: string }[] }) => void taken.push(terms.map(({ key }) => key)) }
  }
  await gossip({ minibatches: 1, topology: 'full', merge }).round(context as unknown as RoundContext)
  expect(taken).toEqual([expected])
})
