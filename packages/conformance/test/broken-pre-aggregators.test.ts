import { checkPreAggregator } from '@peergrad/conformance'
import type { PreAggregator } from '@peergrad/core'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const good: PreAggregator = {
  name: 'good',
  describe: 'half of each vector',
  check: (n) => (n >= 1 ? undefined : 'expected at least 1'),
  count: (n) => n,
  apply: ({ vectors, kernels, scratch }) =>
    vectors.map((x) => {
      const { vector } = scratch(x.length)
      kernels.scale(vector, x, 0.5)
      return vector
    })
}

test('a good one holds all laws', async () => {
  expect((await checkPreAggregator(() => good)).laws.every(({ held }) => held)).toBe(true)
})

let calls = 0
test.each<[string, Partial<PreAggregator>, string]>([
  ['has no count', { count: undefined as never }, 'has the members of its kind'],
  ['has no condition', { check: () => undefined }, 'says its name, what it is, and its condition'],
  [
    'drops one',
    { apply: (input) => good.apply(input).slice(1) },
    'makes as many vectors as it says, of the same length, and writes nothing else'
  ],
  [
    'is not done when it returns',
    { apply: (async (input: never) => good.apply(input)) as never },
    'makes as many vectors as it says, of the same length, and writes nothing else'
  ],
  [
    'writes into its inputs',
    { apply: ({ vectors }) => (vectors[0]!.fill(3), vectors) },
    'makes as many vectors as it says, of the same length, and writes nothing else'
  ],
  [
    'overflows',
    { apply: ({ vectors, scratch }) => vectors.map((x) => scratch(x.length).vector.fill(x[0]! * x[0]! * 1e30)) },
    'gives finite vectors for finite inputs'
  ],
  [
    'gives scratch that it gave back',
    {
      apply: ({ vectors, scratch }) =>
        vectors.map((x) => {
          const { vector, release } = scratch(x.length)
          vector.fill(1)
          release()
          return vector
        })
    },
    'gives finite vectors for finite inputs'
  ],
  [
    'counts its calls',
    { apply: ({ vectors, scratch }) => vectors.map((x) => scratch(x.length).vector.fill(calls++)) },
    'gives the same bits again, from another instance, and by the SIMD path'
  ]
])('one that %s is found out', async (_what, changes, law) => {
  expect([...(await brokenLaws(checkPreAggregator(() => ({ ...good, ...changes })))).keys()]).toContain(law)
})

test('one that goes on from what it made last is found out', async () => {
  const create = (): PreAggregator => {
    let last: number[] | undefined
    return {
      ...good,
      apply(input) {
        const made = good.apply(input)
        const [first] = made
        if (last?.length === first!.length) first!.forEach((x, i) => (first![i] = (x + last![i]!) / 2))
        last = [...first!]
        return made
      }
    }
  }
  const found = await brokenLaws(checkPreAggregator(create))
  expect([...found.keys()]).toEqual(['gives the same bits again, from another instance, and by the SIMD path'])
})
