import type { Dataset, Split } from '@peergrad/core'
import { describe, expect, it } from 'vitest'

/** The laws of a data set, for ours and for yours. `load` loads it anew. */
export function datasetCompliance(name: string, load: () => Promise<Dataset>): void {
  describe(`data set ${name}`, () => {
    it('has as many values and labels as it says, all of them good, in shared memory', async () => {
      const { shape, classes, normalise, train, test } = await load()
      const size = shape.reduce((product, side) => product * side, 1)
      expect(Number.isInteger(size) && size > 0).toBe(true)
      for (const { count, features, labels } of [train, test]) {
        expect([features.length, labels.length]).toEqual([count * size, count])
        expect(features.buffer).toBeInstanceOf(SharedArrayBuffer)
        expect(labels.buffer).toBeInstanceOf(SharedArrayBuffer)
        expect(features.every(Number.isFinite)).toBe(true)
        expect(labels.every((label) => label < classes)).toBe(true)
      }
      expect([normalise.mean.length, normalise.deviation.length]).toEqual([shape.at(-1), shape.at(-1)])
      expect(normalise.deviation.every((deviation) => deviation > 0)).toBe(true)
    })

    it('is the same each time', async () => {
      const [first, again] = [await load(), await load()]
      for (const half of ['train', 'test'] as const) expect(same(first[half], again[half])).toBe(true)
      expect({ ...again, train: 0, test: 0 }).toEqual({ ...first, train: 0, test: 0 })
    })
  })
}

function same(a: Split, b: Split): boolean {
  return Buffer.compare(bytes(a.features), bytes(b.features)) === 0 && Buffer.compare(a.labels, b.labels) === 0
}

function bytes({ buffer, byteOffset, byteLength }: Split['features']): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
