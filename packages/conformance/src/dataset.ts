import assert from 'node:assert/strict'
import type { Dataset, Split } from '@peergrad/core'
import { checkDataset as holdsTogether } from '@peergrad/engine'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from './law.js'

/** The laws of a data set. Rejects with a report of those that do not hold. */
export async function checkDataset(
  subject: Subject<'dataset'>,
  { cacheDirectory, ...check }: CheckOptions & { readonly cacheDirectory: string }
): Promise<Report> {
  const { who, create, watch } = await examine('dataset', subject, check)
  return judge(who, [members(create), ...datasetLaws(() => create().load({ cacheDirectory }))], watch)
}

/** The laws one by one, for a test runner to show. `load` loads it anew. */
export function datasetLaws(load: () => Promise<Dataset>): Law[] {
  return [
    {
      name: 'has as many values and labels as it says, all of them good, in shared memory or in files',
      async prove() {
        const dataset = await load()
        const { shape, train, test } = dataset
        const size = shape.reduce((product, side) => product * side, 1)
        assert.ok(Number.isInteger(size) && size > 0, `got a sample of shape ${shape.join('×')}`)
        await holdsTogether(dataset)
        for (const { features } of [train, test]) {
          if (!('files' in features)) assert.ok(features.every(Number.isFinite), 'features must be finite')
        }
      }
    },
    {
      name: 'is the same each time',
      async prove() {
        const [first, again] = [await load(), await load()]
        for (const half of ['train', 'test'] as const) assert.ok(sameSplit(first[half], again[half]), `${half} differs`)
        assert.deepEqual({ ...again, train: 0, test: 0 }, { ...first, train: 0, test: 0 })
      }
    }
  ]
}

/** Whether two splits hold the same samples. */
export function sameSplit(a: Split, b: Split): boolean {
  if (Buffer.compare(a.labels, b.labels) !== 0) return false
  if (!('files' in a.features) && !('files' in b.features))
    return Buffer.compare(bytes(a.features), bytes(b.features)) === 0
  return JSON.stringify(a.features) === JSON.stringify(b.features)
}

function bytes({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
