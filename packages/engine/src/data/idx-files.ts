import { join } from 'node:path'

import { PeergradError, type Dataset, type DatasetSource, type Split } from '@peergrad/core'

import { blocks, findAll, readBytes, shared } from './files.js'
import { readIdxHeader } from './idx.js'
import { checkOptions, text } from '../options.js'

interface IdxFiles {
  readonly images: string
  readonly labels: string
}

/** The usual names of MNIST and the sets made in its form (Fashion-MNIST, KMNIST). */
const TRAIN: IdxFiles = { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' }
const TEST: IdxFiles = { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' }

/** bytes of a file that are looked at together */
const BLOCK = 1 << 20

interface Reading {
  readonly directory: string
  /** images stay in their files */
  readonly stream: boolean
  readonly signal: AbortSignal | undefined
}

/** Images and labels of one split from a directory; also the file, height and width of the images. */
async function readIdxSplit(files: IdxFiles, { directory, stream, signal }: Reading) {
  const path = join(directory, files.images)
  const labelsPath = join(directory, files.labels)
  const images = await readIdxHeader(path, 3, signal)
  const labels = await readIdxHeader(labelsPath, 1, signal)
  const [count = 0, height = 0, width = 0] = images.sizes
  if (labels.sizes[0] !== count) {
    const message = `${labelsPath}: got ${labels.sizes[0]} labels, expected ${count}, as many as images in ${path}`
    throw new PeergradError('corrupt', message, { path: labelsPath })
  }
  const { offset } = images
  const split: Split = {
    count,
    features: stream
      ? { files: [{ path, samples: count }], offset, stride: height * width, planar: false }
      : shared((await readBytes(path, signal)).subarray(offset)),
    labels: shared((await readBytes(labelsPath, signal)).subarray(labels.offset))
  }
  return { split, path, offset, height, width }
}

/** `idx:dir=…`: four IDX files (not compressed) with MNIST's names in a directory. */
export function idx(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('idx', options, ['dir'])
  const directory = text('idx', options, 'dir', 'a directory')
  return {
    name: 'idx',
    describe: `IDX files in ${directory}`,
    load: ({ signal, stream = false }) => loadIdx({ name: 'idx', directory, stream, signal }),
    find: () => findIdx(directory)
  }
}

export function findIdx(directory: string) {
  return findAll(
    directory,
    [TRAIN, TEST].flatMap(({ images, labels }) => [images, labels])
  )
}

/** Both splits of a directory of IDX files, grey images normalised by the given statistics or by the training split's. */
export async function loadIdx({
  name,
  statistics,
  ...reading
}: Reading & { name: string; statistics?: { mean: number; deviation: number } }): Promise<Dataset> {
  const { directory, signal } = reading
  const train = await readIdxSplit(TRAIN, reading)
  const test = await readIdxSplit(TEST, reading)
  if (train.height !== test.height || train.width !== test.width) {
    const message = `${directory}: training images are ${train.height}×${train.width}, test images ${test.height}×${test.width}`
    throw new PeergradError('corrupt', `${message}; expected one size`, { directory })
  }
  const { mean, deviation } = statistics ?? (await greyStatistics(train, signal))
  return {
    name,
    shape: [train.height, train.width, 1],
    classes: classesOf(train.split.labels, test.split.labels),
    normalise: { scale: 1 / 255, mean: [mean], deviation: [deviation] },
    augment: { crop: 0, flip: false },
    train: train.split,
    test: test.split
  }
}

/** Number of classes: one more than the largest label. */
function classesOf(...labels: readonly Uint8Array[]): number {
  return labels.reduce((most, split) => split.reduce((max, label) => Math.max(max, label), most), 0) + 1
}

/** Mean and deviation of all pixels, as shares of 255. */
async function greyStatistics(
  { path, offset }: { path: string; offset: number },
  signal: AbortSignal | undefined
): Promise<{ mean: number; deviation: number }> {
  let [count, sum, squares] = [0, 0, 0]
  for await (const block of blocks(path, { from: offset, size: BLOCK, signal })) {
    count += block.length
    for (const pixel of block) {
      const value = pixel / 255
      sum += value
      squares += value * value
    }
  }
  const mean = sum / Math.max(1, count)
  const deviation = Math.sqrt(Math.max(0, squares / Math.max(1, count) - mean * mean))
  return { mean, deviation: deviation > 0 ? deviation : 1 }
}
