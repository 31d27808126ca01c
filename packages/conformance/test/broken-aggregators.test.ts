import { checkAggregator } from '@peergrad/conformance'
import type { Aggregator, AggregatorFactory } from '@peergrad/core'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const good: Aggregator = {
  name: 'good',
  describe: 'the mean of all, summed in order',
  check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
  aggregate({ vectors, out }) {
    for (let i = 0; i < out.length; i++) out[i] = vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length
  }
}
const SCRATCH = new URL('./fixtures/hangs.mjs', import.meta.url).href
const broken =
  (changes: Partial<Aggregator>): AggregatorFactory =>
  () => ({ ...good, ...changes })
const aggregate = (work: Aggregator['aggregate']) => broken({ aggregate: work })

test('a good rule holds all laws', async () => {
  const report = await checkAggregator(() => good)
  expect(report.laws.every(({ held }) => held)).toBe(true)
  expect(report.laws.length).toBeGreaterThan(6)
  expect(report.unclaimed).toEqual([
    'gives each coordinate from that coordinate alone, as it says',
    'is in a database what it is here, as `inStore` says',
    'works on coefficients in the place of vectors, as `byKernels` says'
  ])
})

test('what a rule claims of itself is proved', async () => {
  const claims: Partial<Aggregator> = { perCoordinate: true, byKernels: true, inStore: { name: 'median' } }
  const { unclaimed } = await checkAggregator(
    broken({ ...claims, aggregate: ({ vectors, out, kernels }) => kernels.median(out, vectors) })
  )
  expect(unclaimed).toEqual([])
})

test.each<[string, AggregatorFactory, string]>([
  ['has no aggregate', () => ({ ...good, aggregate: undefined }) as never, 'has the members of its kind'],
  ['has a factory that throws', () => JSON.parse('{') as Aggregator, 'has the members of its kind'],
  ['has no condition', broken({ check: () => undefined }), 'says its name, what it is, and its condition'],
  [
    'throws',
    aggregate(() => {
      throw new Error('on purpose')
    }),
    'gives the identity for identical inputs'
  ],
  [
    'writes too few values',
    aggregate((input) => good.aggregate({ ...input, out: input.out.subarray(1) })),
    'writes its output whole, and nothing else'
  ],
  [
    'is not done when it returns',
    aggregate((async (input) => good.aggregate(input)) as Aggregator['aggregate']),
    'writes its output whole, and nothing else'
  ],
  ['gives NaN', aggregate(({ out }) => void out.fill(NaN)), 'gives finite results for finite inputs'],
  [
    'overflows',
    aggregate(({ vectors, out }) => out.set(vectors[0]!.map((_, i) => vectors.reduce((x, v) => x * v[i]!, 1)))),
    'gives finite results for finite inputs'
  ],
  [
    'writes into its inputs',
    aggregate((input) => {
      good.aggregate(input)
      input.vectors[0]!.set(input.out)
    }),
    'writes its output whole, and nothing else'
  ],
  [
    'takes the first',
    aggregate(({ vectors, out }) => out.set(vectors[0]!)),
    'does not depend on the order of the inputs'
  ],
  [
    'says that coordinates are apart when they are not',
    () => ({
      ...good,
      perCoordinate: true,
      aggregate(input) {
        good.aggregate(input)
        const length = Math.hypot(...input.out)
        if (length > 1) input.out.forEach((value, i) => (input.out[i] = value / length))
      }
    }),
    'gives each coordinate from that coordinate alone, as it says'
  ],
  [
    'goes over its inputs again and again where two are far apart',
    aggregate((input) => {
      good.aggregate(input)
      const far = input.kernels.pairDistances(input.vectors).some((distance) => distance > 1e20)
      for (let time = 0; far && time < 100; time++) input.kernels.pairDistances(input.vectors)
    }),
    'does no more work than its passes, whatever the inputs'
  ],
  [
    'is random without the seed',
    aggregate(({ vectors, out }) => out.set(vectors[Math.floor(Math.random() * vectors.length)]!)),
    'gives the same bits again, from another instance, and at another address'
  ],
  [
    'keeps something from call to call',
    () => {
      let calls = 0
      const first: Aggregator['aggregate'] = ({ vectors, out }) => out.set(vectors[calls++ % vectors.length]!)
      return { ...good, aggregate: first }
    },
    'gives the same bits again, from another instance, and at another address'
  ],
  [
    'goes on from what it made last',
    () => {
      let last: Float32Array | undefined
      return {
        ...good,
        aggregate(input) {
          good.aggregate(input)
          if (last?.length === input.out.length) input.out.forEach((x, i) => (input.out[i] = (x + last![i]!) / 2))
          last = input.out.slice()
        }
      }
    },
    'gives the same bits again, from another instance, and at another address'
  ],
  [
    'reads scratch that it gave back',
    aggregate(({ vectors, out, scratch, kernels }) => {
      const { vector, release } = scratch(out.length)
      kernels.mean(vector, vectors)
      release()
      out.set(vector)
    }),
    'writes its output whole, and nothing else'
  ],
  [
    'divides by the samples of all, of which there may be none',
    aggregate(({ vectors, samples, out }) => {
      const all = samples.reduce((sum, each) => sum + each, 0)
      out.forEach((_, i) => (out[i] = vectors.reduce((sum, vector, k) => sum + (samples[k]! / all) * vector[i]!, 0)))
    }),
    'gives finite results for finite inputs'
  ],
  [
    'has other bits by SIMD, of long vectors only',
    aggregate((input) => {
      const { vectors, out, kernels } = input
      if (out.length < 1000) good.aggregate(input)
      else out[0] = kernels.squaredNorm(vectors[0]!) + out.byteOffset
    }),
    'gives the same bits by the SIMD path as by the scalar one'
  ],
  [
    'is another one in a database',
    broken({ inStore: { name: 'median' } }),
    'is in a database what it is here, as `inStore` says'
  ],
  [
    'has other numbers in a database',
    () => ({
      ...good,
      check: (n) => (n >= 3 ? undefined : 'expected at least 3'),
      inStore: { name: 'trimmed-mean', parameters: () => ({ f: 0 }) },
      aggregate: ({ vectors, out, kernels }) => kernels.trimmedMean(out, vectors, 1)
    }),
    'is in a database what it is here, as `inStore` says'
  ],
  [
    'looks at elements itself',
    () => ({
      ...good,
      byKernels: true,
      aggregate: ({ vectors, out, kernels }) =>
        kernels.average([out], vectors, [vectors.map((vector) => Math.abs(vector[0]!) / 10)])
    }),
    'works on coefficients in the place of vectors, as `byKernels` says'
  ]
])('a rule that %s is found out', async (_what, factory, law) => {
  expect([...(await brokenLaws(checkAggregator(factory))).keys()]).toContain(law)
})

test('a rule may take fewer inputs than the built-in one that databases have in its place', async () => {
  const create: AggregatorFactory = () => ({
    ...good,
    check: (n) => (n >= 7 && n <= 9 ? undefined : 'expected 7 to 9'),
    inStore: { name: 'meamed', parameters: () => ({ f: 5 }) },
    aggregate: ({ vectors, out, kernels }) => kernels.meamed(out, vectors, 5)
  })
  expect(await brokenLaws(checkAggregator(create))).toEqual(new Map())
})

test('a rule of many inputs has room for them', async () => {
  const counts = { min: 60, max: 64 }
  const middle = aggregate(({ vectors, out, kernels, scratch }) => {
    const lent = vectors.map((vector) => scratch(vector.length))
    for (const { release } of lent) release()
    kernels.median(out, vectors)
  })
  expect(await brokenLaws(checkAggregator(middle, { counts }))).toEqual(new Map())
})

test('a rule that is bounded only as far as it says is found out when it says too much', async () => {
  const found = await brokenLaws(checkAggregator(() => good, { tolerates: (n) => Math.floor((n - 1) / 2) }))
  expect([...found.keys()]).toEqual(['stays in the range of the honest inputs, whatever the hostile ones say'])
})

test('a rule that claims to stay near the honest inputs is found out when it does not', async () => {
  const bounded = () => ({ hostile: 1, factor: 3 })
  const found = await brokenLaws(checkAggregator(() => good, { bounded }))
  expect([...found]).toEqual([
    [
      'stays as near to the honest inputs as it claims, whatever the hostile ones say',
      expect.stringMatching(/^got [\d.e+-]+ from the mean of the honest, expected at most [\d.e+-]+/)
    ]
  ])
})

test('a rule that stays near is not asked to where the hostile inputs are half of all', async () => {
  const middle = aggregate(({ vectors, out, kernels }) => kernels.median(out, vectors))
  const { laws } = await checkAggregator(middle, { bounded: () => ({ hostile: 1, factor: 3 }) })
  expect(laws.every(({ held }) => held)).toBe(true)
})

test('what a rule says not to be is not asked of it', async () => {
  const first = aggregate(({ vectors, out }) => out.set(vectors[0]!))
  expect((await checkAggregator(first, { order: 'always' })).laws.length).toBeGreaterThan(5)
  const signs = aggregate(({ vectors, out, kernels }) => kernels.signMajority(out, vectors))
  expect((await checkAggregator(signs, { identity: false })).laws.length).toBeGreaterThan(5)
})

test('a rule that never ends is ended, and nothing else is tried', async () => {
  const found = await brokenLaws(checkAggregator(`${SCRATCH}#rule`, { patience: 300 }))
  expect([...found]).toEqual([
    ['ends its work, whatever the inputs', expect.stringMatching(/hangs\.mjs#rule did not end its work within 0\.3 s/)]
  ])
})
