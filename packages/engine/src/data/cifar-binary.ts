import { join } from 'node:path'

import { PeergradError, type DatasetSource, type Split } from '@peergrad/core'

import { CIFAR_CLASSES, CIFAR_SHAPE, CIFAR_VALUES, cifarDataset } from './cifar.js'
import { blocks, findAll, lengthOf } from './files.js'
import { interleave } from './planes.js'
import { checkOptions, text } from '../options.js'

/** one label, then the red, the green and the blue plane of 32 × 32 */
const RECORD_BYTES = 1 + CIFAR_VALUES
/** records that are read together */
const BLOCK = 256

const TRAIN = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`)
const TEST = ['test_batch.bin']

/** `cifar-binary:dir=…`: the files of CIFAR-10's binary version (Krizhevsky, 2009) in a directory. */
export function cifarBinary(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('cifar-binary', options, ['dir'])
  const directory = text('cifar-binary', options, 'dir', 'a directory')
  return {
    name: 'cifar-binary',
    describe: `CIFAR-10 binary files in ${directory}`,
    async load({ signal, stream = false }) {
      const reading = { directory, stream, signal }
      return cifarDataset('cifar-binary', await readSplit(TRAIN, reading), await readSplit(TEST, reading))
    },
    find: () => findAll(directory, [...TRAIN, ...TEST])
  }
}

interface Reading {
  readonly directory: string
  /** images stay in their files */
  readonly stream: boolean
  readonly signal: AbortSignal | undefined
}

async function readSplit(names: readonly string[], { directory, stream, signal }: Reading): Promise<Split> {
  const paths = names.map((name) => join(directory, name))
  const files = await Promise.all(paths.map(async (path) => ({ path, samples: await recordsOf(path) })))
  const count = files.reduce((sum, { samples }) => sum + samples, 0)
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  const pixels = new Uint8Array(new SharedArrayBuffer(stream ? 0 : count * CIFAR_VALUES))
  let sample = 0
  for (const { path } of files) {
    const first = sample
    for await (const block of blocks(path, { size: BLOCK * RECORD_BYTES, signal })) {
      for (let from = 0; from < block.length; from += RECORD_BYTES, sample++) {
        labels[sample] = checkedLabel(path, block[from] ?? 0, sample - first)
        if (stream) continue
        const into = pixels.subarray(sample * CIFAR_VALUES)
        interleave(block.subarray(from + 1, from + RECORD_BYTES), into, CIFAR_SHAPE[2])
      }
    }
  }
  const features = stream ? { files, offset: 1, stride: RECORD_BYTES, planar: true } : pixels
  return { count, features, labels }
}

async function recordsOf(path: string): Promise<number> {
  const bytes = await lengthOf(path)
  if (bytes > 0 && bytes % RECORD_BYTES === 0) return bytes / RECORD_BYTES
  const message = `${path}: got ${bytes} bytes, expected a multiple of ${RECORD_BYTES} (label and 32×32×3 pixels)`
  throw new PeergradError('corrupt', message, { path })
}

function checkedLabel(path: string, label: number, record: number): number {
  if (label < CIFAR_CLASSES) return label
  const message = `${path}: got the label ${label} in record ${record}, expected one below ${CIFAR_CLASSES}`
  throw new PeergradError('corrupt', message, { path })
}
