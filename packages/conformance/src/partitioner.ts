import assert from 'node:assert/strict'
import { random, type Partitioner } from '@peergrad/core'
import fc from 'fast-check'
import { assertNamed, assertSame } from './arrays.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'

/** The laws of a partitioner. Rejects with a report of those that do not hold. */
export async function checkPartitioner(subject: Subject<'partition'>, check: CheckOptions = {}): Promise<Report> {
  const { who, create, watch } = await examine('partition', subject, check)
  return judge(who, [members(create), ...partitionerLaws(create)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh partitioner. */
export function partitionerLaws(create: () => Promise<Partitioner> | Partitioner): Law[] {
  async function deal(
    labels: Uint8Array,
    { classes, shards, seed }: { classes: number; shards: number; seed: number }
  ) {
    return (await create()).partition({ labels, classes, shards, random: random(seed, 'partition') })
  }

  return [
    { name: 'says its name', prove: async () => assertNamed({ name: (await create()).name }) },
    {
      name: 'deals every sample to exactly one shard, none of them empty, the same way for a seed',
      async prove() {
        const label = fc.integer({ min: 0, max: 4 })
        const shapes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.array(label, { maxLength: 120 }), fc.integer())
        await fc.assert(
          fc.asyncProperty(shapes, async ([shards, list, seed]) => {
            const labels = Uint8Array.from(list)
            const dealt = await deal(labels, { classes: 5, shards, seed })
            assert.equal(dealt.length, shards, 'shards')
            assert.ok(
              dealt.every((shard) => shard instanceof Uint32Array),
              'each shard must be a Uint32Array'
            )
            const sorted = dealt.flatMap((shard) => [...shard]).sort((a, b) => a - b)
            assert.deepEqual(sorted, [...list.keys()], 'samples, sorted')
            if (labels.length >= shards)
              assert.ok(
                dealt.every((shard) => shard.length > 0),
                'a shard is empty'
              )
            assertSame(labels, list, 'the labels that it was given')
            assert.deepEqual(await deal(labels, { classes: 5, shards, seed }), dealt, 'dealt again')
          }),
          { numRuns: 60 }
        )
      }
    },
    {
      name: 'deals otherwise for another seed',
      async prove() {
        const labels = Uint8Array.from({ length: 2000 }, (_, i) => (i * 7) % 10)
        const [one, other] = await Promise.all([1, 2].map((seed) => deal(labels, { classes: 10, shards: 4, seed })))
        assert.notDeepEqual(other, one)
      }
    }
  ]
}
