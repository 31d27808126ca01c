import { join } from 'node:path'

import { PeergradError, type DatasetSource, type Split } from '@peergrad/core'

import { CIFAR_CLASSES, CIFAR_VALUES, cifarDataset } from './cifar.js'
import { readBytes } from './files.js'
import { checkOptions, text } from '../options.js'

/** one label, then the red, the green and the blue plane of 32 × 32 */
const RECORD_BYTES = 1 + CIFAR_VALUES
const PLANE = 1024

const TRAIN = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}.bin`)
const TEST = ['test_batch.bin']

/** `cifar-binary:dir=…`: the files of CIFAR-10's binary version (Krizhevsky, 2009) in a directory. */
export function cifarBinary(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('cifar-binary', options, ['dir'])
  const directory = text('cifar-binary', options, 'dir', 'a directory')
  return {
    name: 'cifar-binary',
    describe: `CIFAR-10 binary files in ${directory}`,
    async load({ signal }) {
      const train = await readSplit(directory, TRAIN, signal)
      return cifarDataset('cifar-binary', train, await readSplit(directory, TEST, signal))
    }
  }
}

async function readSplit(directory: string, names: readonly string[], signal?: AbortSignal): Promise<Split> {
  const files: Uint8Array[] = []
  for (const name of names) files.push(await records(join(directory, name), signal))
  const count = files.reduce((sum, file) => sum + file.length / RECORD_BYTES, 0)
  const features = new Uint8Array(new SharedArrayBuffer(count * CIFAR_VALUES))
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  let sample = 0
  for (const file of files) {
    for (let from = 0; from < file.length; from += RECORD_BYTES, sample++) {
      labels[sample] = file[from] ?? 0
      interleave(file.subarray(from + 1, from + RECORD_BYTES), features.subarray(sample * CIFAR_VALUES))
    }
  }
  return { count, features, labels }
}

async function records(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = await readBytes(path, signal)
  if (bytes.length === 0 || bytes.length % RECORD_BYTES !== 0) {
    const message = `${path}: got ${bytes.length} bytes, expected a multiple of ${RECORD_BYTES} (label and 32×32×3 pixels)`
    throw new PeergradError('corrupt', message, { path })
  }
  for (let from = 0; from < bytes.length; from += RECORD_BYTES) {
    const label = bytes[from] ?? 0
    if (label < CIFAR_CLASSES) continue
    const message = `${path}: got the label ${label} in record ${from / RECORD_BYTES}, expected one below ${CIFAR_CLASSES}`
    throw new PeergradError('corrupt', message, { path })
  }
  return bytes
}

/** Three planes to pixels of three channels. */
function interleave(planes: Uint8Array, pixels: Uint8Array): void {
  for (let i = 0; i < PLANE; i++) {
    pixels[3 * i] = planes[i] ?? 0
    pixels[3 * i + 1] = planes[PLANE + i] ?? 0
    pixels[3 * i + 2] = planes[2 * PLANE + i] ?? 0
  }
}
