import { random, type Partitioner } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** The laws of a partitioner, for ours and for yours. `create` makes a fresh one. */
export function partitionerCompliance(name: string, create: () => Promise<Partitioner> | Partitioner): void {
  async function deal(
    labels: Uint8Array,
    { classes, shards, seed }: { classes: number; shards: number; seed: number }
  ) {
    return (await create()).partition({ labels, classes, shards, random: random(seed, 'partition') })
  }

  describe(`partitioner ${name}`, () => {
    it('deals every sample to exactly one shard, none of them empty, the same way for a seed', async () => {
      const label = fc.integer({ min: 0, max: 4 })
      const shapes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.array(label, { maxLength: 120 }), fc.integer())
      await fc.assert(
        fc.asyncProperty(shapes, async ([shards, list, seed]) => {
          const labels = Uint8Array.from(list)
          const dealt = await deal(labels, { classes: 5, shards, seed })
          expect(dealt).toHaveLength(shards)
          expect(dealt.flatMap((shard) => [...shard]).sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
          if (labels.length >= shards) expect(dealt.every((shard) => shard.length > 0)).toBe(true)
          expect(labels).toEqual(Uint8Array.from(list))
          expect(await deal(labels, { classes: 5, shards, seed })).toEqual(dealt)
        }),
        { numRuns: 60 }
      )
    })

    it('deals otherwise for another seed', async () => {
      const labels = Uint8Array.from({ length: 2000 }, (_, i) => (i * 7) % 10)
      const [one, other] = [1, 2].map((seed) => deal(labels, { classes: 10, shards: 4, seed }))
      expect(await other).not.toEqual(await one)
    })
  })
}
