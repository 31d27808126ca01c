import { join } from 'node:path'

import { PeergradError, type DatasetSource, type Split } from '@peergrad/core'

import { readBytes, shared } from './files.js'
import { parseIdx } from './idx.js'
import { checkOptions, text } from '../options.js'

export interface IdxFiles {
  readonly images: string
  readonly labels: string
}

/** The usual names of MNIST and the sets made in its form (Fashion-MNIST, KMNIST). */
export const TRAIN: IdxFiles = { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' }
export const TEST: IdxFiles = { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' }

/** Images and labels of one split from a directory; also the height and width. */
export async function readIdxSplit(
  directory: string,
  files: IdxFiles,
  signal?: AbortSignal
): Promise<Split & { height: number; width: number }> {
  const imagesPath = join(directory, files.images)
  const labelsPath = join(directory, files.labels)
  const images = parseIdx(imagesPath, await readBytes(imagesPath, signal), 3)
  const labels = parseIdx(labelsPath, await readBytes(labelsPath, signal), 1)
  const [count = 0, height = 0, width = 0] = images.sizes
  if (labels.sizes[0] !== count) {
    const message = `${labelsPath}: got ${labels.sizes[0]} labels, expected ${count}, as many as images in ${imagesPath}`
    throw new PeergradError('corrupt', message, { path: labelsPath })
  }
  return { count, height, width, features: shared(images.values), labels: shared(labels.values) }
}

/** `idx:dir=…`: four IDX files (not compressed) with MNIST's names in a directory. */
export function idx(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('idx', options, ['dir'])
  const directory = text('idx', options, 'dir', 'a directory')
  return {
    name: 'idx',
    describe: `IDX files in ${directory}`,
    load: ({ signal }) => loadIdx({ name: 'idx', directory, signal })
  }
}

/** Both splits of a directory of IDX files, grey images normalised by the given statistics or by the training split's. */
export async function loadIdx(init: {
  name: string
  directory: string
  signal: AbortSignal | undefined
  statistics?: { mean: number; deviation: number }
}) {
  const { name, directory, signal } = init
  const train = await readIdxSplit(directory, TRAIN, signal)
  const test = await readIdxSplit(directory, TEST, signal)
  if (train.height !== test.height || train.width !== test.width) {
    const message = `${directory}: training images are ${train.height}×${train.width}, test images ${test.height}×${test.width}`
    throw new PeergradError('corrupt', `${message}; expected one size`, { directory })
  }
  const { mean, deviation } = init.statistics ?? greyStatistics(train.features)
  return {
    name,
    shape: [train.height, train.width, 1],
    classes: classesOf(train.labels, test.labels),
    normalise: { scale: 1 / 255, mean: [mean], deviation: [deviation] },
    augment: { crop: 0, flip: false },
    train,
    test
  }
}

/** Number of classes: one more than the largest label. */
function classesOf(...labels: readonly Uint8Array[]): number {
  return labels.reduce((most, split) => split.reduce((max, label) => Math.max(max, label), most), 0) + 1
}

/** Mean and deviation of all pixels, as shares of 255. */
function greyStatistics(pixels: ArrayLike<number>): { mean: number; deviation: number } {
  let sum = 0
  let squares = 0
  for (let i = 0; i < pixels.length; i++) {
    const value = (pixels[i] ?? 0) / 255
    sum += value
    squares += value * value
  }
  const mean = sum / Math.max(1, pixels.length)
  const deviation = Math.sqrt(Math.max(0, squares / Math.max(1, pixels.length) - mean * mean))
  return { mean, deviation: deviation > 0 ? deviation : 1 }
}
