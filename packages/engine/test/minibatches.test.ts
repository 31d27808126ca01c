import { minibatchesOf } from '@peergrad/engine'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const cases = fc.record({
  shard: fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { maxLength: 100 }).map((list) => Uint32Array.from(list)),
  batch: fc.integer({ min: 1, max: 40 }),
  epoch: fc.nat(20),
  seed: fc.nat(),
  rank: fc.nat(9)
})

it('takes every sample of the shard once an epoch, in full minibatches and perhaps a short last one', () => {
  fc.assert(
    fc.property(cases, (init) => {
      const { shard, batch } = init
      const before = shard.slice()
      const minibatches = minibatchesOf(init)
      const taken = minibatches.flatMap(({ samples }) => [...samples])
      expect(taken.sort((a, b) => a - b)).toEqual([...shard].sort((a, b) => a - b))
      expect(minibatches.slice(0, -1).every(({ samples }) => samples.length === batch)).toBe(true)
      expect(minibatches).toHaveLength(Math.ceil(shard.length / batch))
      expect(shard).toEqual(before)
    })
  )
})

it('depends on nothing but its arguments: the same after a stop, other in another epoch, for another rank or seed', () => {
  const init = { shard: Uint32Array.from({ length: 50 }, (_, i) => i), batch: 8, epoch: 3, seed: 5, rank: 1 }
  expect(minibatchesOf(init)).toEqual(minibatchesOf({ ...init }))
  for (const change of [{ epoch: 4 }, { seed: 6 }, { rank: 2 }]) {
    const [first, other] = [minibatchesOf(init), minibatchesOf({ ...init, ...change })]
    expect(other.map(({ samples }) => [...samples])).not.toEqual(first.map(({ samples }) => [...samples]))
    expect(other[0]!.seed).not.toBe(first[0]!.seed)
  }
  expect(new Set(minibatchesOf(init).map(({ seed }) => seed)).size).toBe(7)
})
