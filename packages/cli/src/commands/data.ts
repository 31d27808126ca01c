import { optionsToManifest, resolveOptions, type Registry } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'
import { named } from '../output/named.js'
import { print, printJson, say } from '../output/print.js'
import { table } from '../output/table.js'
import { whole } from '../output/units.js'

export const data: Command = {
  name: 'data',
  positional: '[NAME]',
  describe: 'Lists data sets and partitions; with a name, fetches that data set and says which peer gets what of it.',
  options: ['partition', 'peers', 'seed', 'data-dir'],
  flags: { json: JSON_FLAG },
  examples: [
    ['peergrad data', 'what --dataset and --partition may say'],
    ['peergrad data mnist --partition dirichlet:alpha=0.1 --peers 8', 'samples and labels of each of 8 peers']
  ],
  async run({ options: flags, flags: { json }, words: [name] }) {
    const { options } = resolveOptions({ flags })
    if (name === undefined) return list(json === true)
    const { loadDataset, createPartitioner } = await import('@peergrad/engine')
    const { cacheDirectory, dealer } = await import('../compose.js')
    const { interruptible } = await import('../train/interruptible.js')
    const partitioner = await createPartitioner(options.partition)
    const dataset = await interruptible(({ signal }) =>
      loadDataset(name, { cacheDirectory: cacheDirectory(options), report: say, signal })
    )
    const { seed, partition, peers } = optionsToManifest(options)
    const shards = dealer(
      partitioner,
      dataset,
      seed
    )(peers).map((samples, rank) => {
      const labels = new Array<number>(dataset.classes).fill(0)
      for (const sample of samples) labels[dataset.train.labels[sample] ?? 0] += 1
      return { rank, samples: samples.length, labels }
    })
    const { shape, classes, train, test } = dataset
    const document = {
      dataset: dataset.name,
      shape,
      classes,
      train: train.count,
      test: test.count,
      partition,
      peers,
      seed,
      shards
    }
    if (json === true) printJson(document)
    else print(page(document))
    return 0
  }
}

interface Description {
  readonly dataset: string
  readonly shape: readonly number[]
  readonly classes: number
  readonly train: number
  readonly test: number
  readonly partition: string
  readonly peers: number
  readonly seed: number
  readonly shards: readonly { readonly rank: number; readonly samples: number; readonly labels: readonly number[] }[]
}

function page({ dataset, shape, classes, train, test, partition, peers, seed, shards }: Description): string {
  const labels = Array.from({ length: classes }, (_, label) => String(label))
  const rows = shards.map(({ rank, samples, labels }) => [String(rank), whole(samples), ...labels.map(String)])
  return [
    `${dataset}: ${whole(train)} samples to train on, ${whole(test)} to test, ${shape.join('×')}, ${classes} classes`,
    `partition ${partition} over ${peers} peers, seed ${seed}; samples of each label:`,
    '',
    ...table(['rank', 'samples', ...labels], rows)
  ].join('\n')
}

async function list(json: boolean): Promise<number> {
  const { datasets, partitioners } = await import('@peergrad/engine')
  const entries = (registry: Registry) => [...registry.entries].map(([name, { describe }]) => ({ name, describe }))
  const document = { datasets: entries(datasets), partitions: entries(partitioners) }
  if (json) printJson(document)
  else print(`${named('data sets', document.datasets)}\n${named('partitions', document.partitions)}`)
  return 0
}
