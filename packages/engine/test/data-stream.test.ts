import { random, type Dataset } from '@peergrad/core'
import { loadDataset } from '@peergrad/engine'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readCache, writeCache } from '../src/data/raw-cache.js'
import { Batches } from '../src/worker/batch.js'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'peergrad-stream-'))))
afterEach(() => rmSync(directory, { recursive: true }))

const SIDE = 32
const bytes = (length: number, seed: number) => {
  const source = random(seed)
  return Uint8Array.from({ length }, () => source.below(256))
}

function writeIdx(name: string, sizes: readonly number[], values: Uint8Array): void {
  const header = Buffer.alloc(4 + 4 * sizes.length)
  header.writeUInt32BE(0x800 | sizes.length)
  sizes.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i))
  writeFileSync(join(directory, name), Buffer.concat([header, values]))
}

function writeIdxSet(): string {
  for (const [split, count] of [
    ['train', 40],
    ['t10k', 12]
  ] as const) {
    writeIdx(`${split}-images-idx3-ubyte`, [count, SIDE, SIDE], bytes(count * SIDE * SIDE, count))
    writeIdx(
      `${split}-labels-idx1-ubyte`,
      [count],
      Uint8Array.from({ length: count }, (_, i) => i % 10)
    )
  }
  return `idx:dir=${directory}`
}

function writeCifar(): string {
  const records = (count: number, seed: number) =>
    Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.from([i % 10, ...bytes(3072, seed + i)])))
  for (let i = 1; i <= 5; i++) writeFileSync(join(directory, `data_batch_${i}.bin`), records(2 * i, 100 * i))
  writeFileSync(join(directory, 'test_batch.bin'), records(7, 1))
  return `cifar-binary:dir=${directory}`
}

/** What the set holds in memory, in bytes. */
function held({ train, test }: Dataset): number {
  const sizes = [train, test].map(
    ({ features, labels }) => labels.byteLength + ('files' in features ? 0 : features.byteLength)
  )
  return sizes[0]! + sizes[1]!
}

const raw = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength)
const sameAs = (expected: Float32Array) => (got: Float32Array) => raw(got).equals(raw(expected))

describe.each([
  ['IDX files', writeIdxSet],
  ['CIFAR binary files', writeCifar]
])('%s that are streamed', (_, write) => {
  it('give the very batches of those in memory, and hold the labels alone', async () => {
    const text = write()
    const inMemory = await loadDataset(text, { cacheDirectory: directory })
    const streamed = await loadDataset(text, { cacheDirectory: directory, stream: true })
    expect({ ...streamed, train: 0, test: 0 }).toEqual({ ...inMemory, train: 0, test: 0 })
    expect(held(streamed)).toBe(inMemory.train.count + inMemory.test.count)
    const [whole, read] = [new Batches(inMemory), new Batches(streamed)]
    for (const seed of [1, 2, 3]) {
      const samples = Uint32Array.from({ length: 9 }, (_, i) => (i * 11 + seed * 7) % inMemory.train.count)
      expect(read.training({ samples, seed })).toSatisfy(sameAs(whole.training({ samples, seed })))
    }
    for (const split of ['train', 'test'] as const) {
      const samples = Uint32Array.from({ length: inMemory[split].count }, (_, i) => i)
      expect(read.plain(split, samples)).toSatisfy(sameAs(whole.plain(split, samples)))
    }
  })
})

it('a set of 16 MiB for each split takes no more than a block of it', async () => {
  const count = 16_384
  for (const split of ['train', 't10k']) {
    writeIdx(`${split}-images-idx3-ubyte`, [count, SIDE, SIDE], new Uint8Array(0))
    truncateSync(join(directory, `${split}-images-idx3-ubyte`), 16 + count * SIDE * SIDE)
    writeIdx(`${split}-labels-idx1-ubyte`, [count], new Uint8Array(count))
  }
  const before = process.memoryUsage().arrayBuffers
  const dataset = await loadDataset(`idx:dir=${directory}`, { cacheDirectory: directory, stream: true })
  new Batches(dataset).training({ samples: Uint32Array.of(0, count - 1), seed: 1 })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 << 20)
})

it('a file that is cut or gone ends with a sentence that names it', async () => {
  const text = writeIdxSet()
  const streamed = await loadDataset(text, { cacheDirectory: directory, stream: true })
  const path = join(directory, 'train-images-idx3-ubyte')
  const read = () => new Batches(streamed).training({ samples: Uint32Array.of(39), seed: 1 })
  truncateSync(path, readFileSync(path).length - 1)
  expect(read).toThrow(expect.objectContaining({ code: 'corrupt', message: expect.stringContaining(path) }))
  rmSync(path)
  expect(read).toThrow(expect.objectContaining({ code: 'missing', message: expect.stringContaining(path) }))
})

it('files that are shorter than the data set says are refused when it is loaded', async () => {
  const path = join(directory, 'short.bin')
  writeFileSync(path, new Uint8Array(11))
  const module = join(directory, 'data.mjs')
  writeFileSync(
    module,
    `const labels = new Uint8Array(new SharedArrayBuffer(3))
     const split = { count: 3, labels, features: { files: [{ path: ${JSON.stringify(path)}, samples: 3 }], offset: 0, stride: 4, planar: false } }
     export default () => ({ name: 'mine', describe: '', load: async () => ({ name: 'mine', shape: [4], classes: 2,
       normalise: { scale: 1, mean: [0], deviation: [1] }, augment: { crop: 0, flip: false }, train: split, test: split }) })`
  )
  await expect(loadDataset(module, { cacheDirectory: directory })).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining('expected at least 12')
  })
})

it('a source that has no files says that its data are in memory', async () => {
  const reports: string[] = []
  const report = (message: string) => reports.push(message)
  await loadDataset('synthetic', { cacheDirectory: directory, stream: true, report })
  expect(reports).toEqual([expect.stringContaining('synthetic is in memory')])
})

it('parts of the cache that are not kept are checked and stay in the file', async () => {
  const path = join(directory, 'parts.bin')
  const parts = [bytes(3_000_000, 1), bytes(5, 2)].map((part) => {
    const copy = new Uint8Array(new SharedArrayBuffer(part.length))
    copy.set(part)
    return copy
  })
  await writeCache(path, parts)
  const keep = (part: number) => part === 1
  const found = await readCache(path, [3_000_000, 5], { report: expect.unreachable, keep })
  expect(found?.map((part) => part.bytes.length)).toEqual([0, 5])
  expect(found?.[1]?.bytes).toEqual(parts[1])
  expect(readFileSync(path).subarray(found?.[0]?.offset).subarray(0, 100)).toEqual(
    Buffer.from(parts[0]!.subarray(0, 100))
  )
  const damaged = readFileSync(path)
  damaged[1_000_000]! ^= 1
  writeFileSync(path, damaged)
  expect(await readCache(path, [3_000_000, 5], { report: () => {}, keep })).toBeUndefined()
})
