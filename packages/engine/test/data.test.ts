import { PeergradError, type Dataset, type DatasetInit } from '@peergrad/core'
import { datasets, loadDataset } from '@peergrad/engine'
import fc from 'fast-check'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { accountable } from '../src/data/accountable.js'
import { decodeRows, parseLabels } from '../src/data/cifar-png.js'
import { checkDataset } from '../src/data/check.js'
import { readCache, writeCache } from '../src/data/raw-cache.js'
import { Batches } from '../src/worker/batch.js'
import { datasetCompliance } from '../../../test/compliance/dataset.js'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'peergrad-data-'))))
afterEach(() => rmSync(directory, { recursive: true }))

const load = (text: string) => loadDataset(text, { cacheDirectory: directory })
const shared = (bytes: ArrayLike<number>) => {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(Array.from(bytes))
  return copy
}

datasetCompliance('mnist', () => load('mnist'))
datasetCompliance('synthetic', () => load('synthetic'))

it('mnist: all images with their labels', async () => {
  const { shape, classes, train, test } = await load('mnist')
  expect([shape, classes, train.count, test.count]).toEqual([[28, 28, 1], 10, 60_000, 10_000])
  expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
  expect([...test.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4])
  const pixels = train.features as Uint8Array
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length / 255
  expect(mean).toBeCloseTo(0.1307, 4)
})

describe('a source of a user’s', () => {
  const loading = (load: (init: DatasetInit) => unknown, init: Partial<DatasetInit> = {}) =>
    accountable(
      'dataset ./mine.mjs',
      { name: 'mine', describe: 'mine', load: load as never },
      { cacheDirectory: directory, ...init }
    )
  afterEach(() => vi.useRealTimers())

  it.each([
    ['throws', () => JSON.parse('{'), 'internal', /^dataset \.\/mine\.mjs threw: /],
    ['rejects', () => Promise.reject(new Error('no luck')), 'internal', /^dataset \.\/mine\.mjs threw: no luck$/],
    [
      'loads nothing',
      async () => undefined,
      'argument',
      /^dataset \.\/mine\.mjs loaded undefined, expected a data set$/
    ]
  ])('that %s is named', async (_what, load, code, message) => {
    const refused = { code, message: expect.stringMatching(message) as string, data: { plugin: 'dataset ./mine.mjs' } }
    await expect(loading(load)).rejects.toMatchObject(refused)
  })

  it('is named when it loads for ever and says nothing, and not while it says how far it is', async () => {
    vi.useFakeTimers()
    let say = (_message: string) => {}
    const never = loading(({ report }) => {
      say = (message) => report?.(message)
      return new Promise(() => {})
    })
    const ended = vi.fn()
    never.catch(ended)
    await vi.advanceTimersByTimeAsync(500_000)
    say('half of it')
    await vi.advanceTimersByTimeAsync(500_000)
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(100_000)
    await expect(never).rejects.toMatchObject({
      code: 'timeout',
      message:
        'dataset ./mine.mjs has not loaded, and has reported nothing for 600 s; a source that needs longer must call report(message) meanwhile'
    })
  })

  it('that does not listen to Ctrl+C is given up all the same', async () => {
    const stop = new AbortController()
    const never = loading(() => new Promise(() => {}), { signal: stop.signal })
    stop.abort(new PeergradError('aborted', 'stopped by SIGINT'))
    await expect(never).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('idx files', () => {
  const idx = (...sizes: number[]) => {
    const length = sizes.reduce((product, size) => product * size, 1)
    const bytes = Buffer.alloc(4 + 4 * sizes.length + length)
    bytes.writeUInt32BE(0x800 | sizes.length)
    sizes.forEach((size, i) => bytes.writeUInt32BE(size, 4 + 4 * i))
    for (let i = 0; i < length; i++) bytes[4 + 4 * sizes.length + i] = i % 3
    return bytes
  }
  function write(change: (files: Record<string, Buffer>) => void = () => {}): void {
    const files = {
      'train-images-idx3-ubyte': idx(6, 4, 5),
      'train-labels-idx1-ubyte': idx(6),
      't10k-images-idx3-ubyte': idx(3, 4, 5),
      't10k-labels-idx1-ubyte': idx(3)
    }
    change(files)
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes)
  }

  it('of any size are read', async () => {
    write()
    const { shape, classes, train, test } = await load(`idx:dir=${directory}`)
    expect([shape, classes, train.count, test.count]).toEqual([[4, 5, 1], 3, 6, 3])
    expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2])
  })

  it.each([
    [
      'truncated',
      (f: Record<string, Buffer>) => (f['train-images-idx3-ubyte'] = idx(6, 4, 5).subarray(0, 100)),
      /100 bytes, expected 136/
    ],
    [
      'of a header only',
      (f: Record<string, Buffer>) => (f['train-labels-idx1-ubyte'] = Buffer.from([0, 0, 8])),
      /3 bytes/
    ],
    [
      'foreign',
      (f: Record<string, Buffer>) => (f['t10k-images-idx3-ubyte'] = Buffer.from('<html>'.repeat(10))),
      /magic number/
    ],
    [
      'of no pixels',
      (f: Record<string, Buffer>) => {
        f['train-images-idx3-ubyte'] = idx(6, 0, 5)
        f['t10k-images-idx3-ubyte'] = idx(3, 0, 5)
      },
      /6 × 0 × 5/
    ],
    ['of another count', (f: Record<string, Buffer>) => (f['t10k-labels-idx1-ubyte'] = idx(4)), /4 labels, expected 3/],
    ['of two sizes', (f: Record<string, Buffer>) => (f['t10k-images-idx3-ubyte'] = idx(3, 4, 4)), /4×5.*4×4/]
  ])('%s are corrupt', async (_, change, message) => {
    write(change)
    await expect(load(`idx:dir=${directory}`)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(message)
    })
  })

  it('that are not there are missing', async () => {
    await expect(load(`idx:dir=${directory}/none`)).rejects.toMatchObject({ code: 'missing' })
    await expect(load('idx')).rejects.toMatchObject({ code: 'argument' })
  })
})

describe('CIFAR binary files', () => {
  const record = (label: number) =>
    Buffer.concat([Buffer.from([label]), Buffer.alloc(1024, 1), Buffer.alloc(1024, 2), Buffer.alloc(1024, 3)])
  function write(test: Buffer): void {
    for (let i = 1; i <= 5; i++)
      writeFileSync(join(directory, `data_batch_${i}.bin`), Buffer.concat([record(i), record(0)]))
    writeFileSync(join(directory, 'test_batch.bin'), test)
  }

  it('become pixels of three channels', async () => {
    write(record(9))
    const { shape, train, test, augment } = await load(`cifar-binary:dir=${directory}`)
    expect([shape, train.count, test.count, augment]).toEqual([[32, 32, 3], 10, 1, { crop: 4, flip: true }])
    expect([...train.labels]).toEqual([1, 0, 2, 0, 3, 0, 4, 0, 5, 0])
    expect((train.features as Uint8Array).every((value, i) => value === (i % 3) + 1)).toBe(true)
  })

  it.each([
    ['truncated', record(1).subarray(0, 3000)],
    ['empty', Buffer.alloc(0)],
    ['of an unknown label', record(10)]
  ])('%s are corrupt', async (_, test) => {
    write(test)
    await expect(load(`cifar-binary:dir=${directory}`)).rejects.toMatchObject({ code: 'corrupt' })
  })
})

describe('PNG rows', () => {
  const rows = (images: number) => {
    const png = new PNG({ width: 1024, height: images })
    for (let i = 0; i < 1024 * images; i++) png.data.set([i % 251, i % 241, i % 239, 255], 4 * i)
    return { name: 'rows.png', png: PNG.sync.write(png) }
  }

  it('are images one after the other', () => {
    const into = new Uint8Array(3 * 3072)
    decodeRows([rows(2), rows(1)], into)
    expect(into.subarray(0, 6144).every((value, i) => value === Math.floor(i / 3) % [251, 241, 239][i % 3]!)).toBe(true)
    expect(into.subarray(6144)).toEqual(into.subarray(0, 3072))
  })

  it('of another form or number are corrupt', () => {
    const corrupt = (work: () => void) => expect(work).toThrow(expect.objectContaining({ code: 'corrupt' }))
    corrupt(() => decodeRows([rows(2)], new Uint8Array(3 * 3072)))
    corrupt(() => decodeRows([rows(2)], new Uint8Array(3072)))
    corrupt(() => decodeRows([{ name: 'a.png', png: Buffer.from('no png') }], new Uint8Array(3072)))
    corrupt(() => decodeRows([{ name: 'a.png', png: rows(2).png.subarray(0, 200) }], new Uint8Array(2 * 3072)))
    corrupt(() => parseLabels('labels', Buffer.from('[1,2'), 2))
    corrupt(() => parseLabels('labels', Buffer.from('[1,2]'), 3))
    corrupt(() => parseLabels('labels', Buffer.from('[1,10]'), 2))
  })
})

describe('the cache', () => {
  const path = () => join(directory, 'parts.bin')

  it('gives back what was written, and leaves no other file', async () => {
    const parts = [shared([1, 2, 3]), shared(new Uint8Array(10_000).fill(7))]
    await writeCache(path(), parts)
    expect(await readCache(path(), [3, 10_000], { report: expect.unreachable })).toMatchObject([
      { bytes: parts[0] },
      { bytes: parts[1] }
    ])
    expect(readdirSync(directory)).toEqual(['parts.bin'])
  })

  it('is made anew when it is damaged', async () => {
    await writeCache(path(), [shared([1, 2, 3, 4])])
    const whole = readFileSync(path())
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1
      writeFileSync(path(), damaged)
      const reports: string[] = []
      expect(await readCache(path(), [4], { report: (message) => reports.push(message) })).toBeUndefined()
      expect(reports.join()).toMatch(/damaged/)
    }
    writeFileSync(path(), whole)
    truncateSync(path(), whole.length - 1)
    expect(await readCache(path(), [4], { report: () => {} })).toBeUndefined()
    expect(await readCache(join(directory, 'none'), [4], { report: () => {} })).toBeUndefined()
  })

  it('that cannot be written says so and leaves nothing', async () => {
    await expect(writeCache(join(directory, 'no', 'such'), [shared([1])])).rejects.toMatchObject({ code: 'missing' })
    expect(readdirSync(directory)).toEqual([])
  })
})

describe('a data set that is normalised', () => {
  it.each([
    [
      'with a mean too few',
      { mean: [0, 0], deviation: [1, 1, 1] },
      'the mean [0, 0], expected one number or one for each of 3'
    ],
    ['with no mean', { mean: [], deviation: [1] }, 'the mean [], expected'],
    [
      'by nothing',
      { mean: [0], deviation: [1, 0, 1] },
      'the deviation [1, 0, 1], expected one number or one for each of 3 channels, above 0'
    ],
    ['by what is no number', { mean: [0], deviation: [NaN] }, 'the deviation [NaN], expected']
  ])('%s is refused', async (_what, numbers, message) => {
    const split = { count: 1, features: shared([1, 2, 3]), labels: shared([0]) }
    const made: Dataset = {
      name: 'mine',
      shape: [1, 1, 3],
      classes: 2,
      normalise: { scale: 1, ...numbers },
      augment: { crop: 0, flip: false },
      train: split,
      test: split
    }
    await expect(checkDataset(made)).rejects.toThrow(message)
    await checkDataset({ ...made, normalise: { scale: 1, mean: [0.5], deviation: [1, 2, 3] } })
  })
})

describe('sources by name', () => {
  it('say what there is', async () => {
    await expect(load('imagenet')).rejects.toMatchObject({ code: 'unknown' })
    await expect(load('imagenet')).rejects.toThrow([...datasets.entries.keys()].join(', '))
    await expect(load('synthetic:sides=3')).rejects.toMatchObject({ code: 'unknown' })
    await expect(load('synthetic:side=0')).rejects.toMatchObject({ code: 'argument' })
    await expect(load('synthetic:classes=257')).rejects.toThrow('at most 256')
    expect((await load('synthetic:classes=256,train=256')).train.labels.at(-1)).toBe(255)
  })

  it('synthetic is the same for a seed', async () => {
    expect(await load('synthetic:seed=4')).toEqual(await load('synthetic:seed=4'))
    expect((await load('synthetic:seed=4')).train.features).not.toEqual((await load('synthetic:seed=5')).train.features)
  })

  it.each([
    ['good', undefined],
    ['privateMemory', 'shape'],
    ['tooFewLabels', 'shape'],
    ['wrongLabel', 'corrupt'],
    ['notFinite', 'non-finite'],
    ['noHalf', 'internal'],
    ['noSource', 'argument']
  ])('a module of a user: %s', async (name, code) => {
    const module = join(directory, 'data.mjs')
    const split = (features: string, labels: string) => `{ count: 2, features: ${features}, labels: ${labels} }`
    const bytes = (list: string) => `Uint8Array.from(${list})`
    const source = (features: string, labels: string) => `() => ({ name: 'mine', describe: '', load: async () => ({
      name: 'mine', shape: [2], classes: 2, normalise: { scale: 1, mean: [0], deviation: [1] }, augment: { crop: 0, flip: false },
      train: ${split(features, labels)}, test: ${split('share([1, 2, 3, 4])', 'share([0, 1])')} }) })`
    writeFileSync(
      module,
      `const share = (list) => { const a = new Uint8Array(new SharedArrayBuffer(list.length)); a.set(list); return a }
       const floats = (list) => { const a = new Float32Array(new SharedArrayBuffer(4 * list.length)); a.set(list); return a }
       export const good = ${source('share([1, 2, 3, 4])', 'share([0, 1])')}
       export const privateMemory = ${source(bytes('[1, 2, 3, 4]'), 'share([0, 1])')}
       export const tooFewLabels = ${source('share([1, 2, 3, 4])', 'share([0])')}
       export const wrongLabel = ${source('share([1, 2, 3, 4])', 'share([0, 2])')}
       export const notFinite = ${source('floats([1, NaN, 3, 4])', 'share([0, 1])')}
       export const noHalf = () => ({ ...good(), load: async () => ({ ...(await good().load()), train: undefined }) })
       export const noSource = () => 3`
    )
    const loading = load(`${module}#${name}`)
    if (code === undefined) expect((await loading).name).toBe('mine')
    else {
      const plugin = expect.stringMatching(`^dataset \\S+#${name}`) as string
      await expect(loading).rejects.toMatchObject({
        code,
        message: expect.stringMatching(/^dataset /),
        data: { plugin }
      })
    }
  })
})

describe('batches', () => {
  const side = 5
  const features = shared(Array.from({ length: 2 * side * side * 2 }, (_, i) => (i * 37) % 256))
  const dataset = (augment: Dataset['augment']): Dataset => ({
    name: 'test',
    shape: [side, side, 2],
    classes: 2,
    normalise: { scale: 1 / 255, mean: [0.5, 0.25], deviation: [0.5, 2] },
    augment,
    train: { count: 2, features, labels: shared([0, 1]) },
    test: { count: 2, features, labels: shared([0, 1]) }
  })
  it('of features in a row, or of two sides, have all of their values, and one mean is for all', () => {
    const flat = { ...dataset({ crop: 0, flip: false }), normalise: { scale: 1, mean: [1], deviation: [2] } }
    const row = new Batches({ ...flat, shape: [50] }).plain('test', Uint32Array.of(1))
    expect(row).toEqual(Float32Array.from({ length: 50 }, (_, i) => (features[50 + i]! - 1) / 2))
    expect(new Batches({ ...flat, shape: [10, 5] }).plain('test', Uint32Array.of(1))).toEqual(row)
  })

  const normalised = (value: number, channel: number) =>
    channel === 0 ? (value / 255 - 0.5) / 0.5 : (value / 255 - 0.25) / 2

  it('are normalised per channel', () => {
    const values = new Batches(dataset({ crop: 0, flip: false })).plain('test', Uint32Array.of(1))
    values.forEach((value, i) => expect(value).toBeCloseTo(normalised(features[side * side * 2 + i]!, i % 2), 5))
  })

  it('of training are windows of the padded image, perhaps mirrored', () => {
    const crop = 2
    const batches = new Batches(dataset({ crop, flip: true }))
    const pixel = (y: number, x: number, c: number) =>
      normalised(y >= 0 && y < side && x >= 0 && x < side ? features[(y * side + x) * 2 + c]! : 0, c)
    const candidates: Float32Array[] = []
    for (let down = -crop; down <= crop; down++)
      for (let right = -crop; right <= crop; right++)
        for (const mirrored of [false, true])
          candidates.push(
            Float32Array.from({ length: side * side * 2 }, (_, i) => {
              const [y, x, c] = [Math.floor(i / 2 / side), Math.floor(i / 2) % side, i % 2]
              return pixel(y + down, (mirrored ? side - 1 - x : x) + right, c)
            })
          )
    const seen = new Set<number>()
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const values = batches.training({ samples: Uint32Array.of(0), seed })
        const found = candidates.findIndex((candidate) =>
          candidate.every((value, i) => Math.abs(value - values[i]!) < 1e-5)
        )
        expect(found).toBeGreaterThanOrEqual(0)
        seen.add(found)
      }),
      { numRuns: 400 }
    )
    expect(seen.size).toBeGreaterThan(40)
  })
})
