import { parsePlugin, type Options } from '@peergrad/core'

/** What a paper says of an architecture. */
export interface PublishedRow {
  /** the strategy here that it is */
  readonly strategy: string
  readonly architecture: string
  readonly secondsPerEpoch: number
  /** MB (2^20 bytes) of a function, as printed */
  readonly memory: string
  /** of functions, for an epoch */
  readonly lambdaDollars: number
  readonly dollars: number
  readonly accuracy: number
  readonly minutes: number
}

export interface Published {
  readonly source: string
  readonly setting: string
  readonly rows: readonly PublishedRow[]
  readonly cautions: readonly string[]
}

const MOBILENET_CIFAR10: Published = {
  source:
    'Barrak, Trabelssi, Petrillo, Jaafar, "Advancing Serverless ML Training Architectures via Comparative Approach", draft of April 2024, unrefereed and later withdrawn by its authors',
  setting: 'MobileNet on CIFAR-10, 4 workers, batch 256, 49 batches for each worker and epoch',
  rows: [
    row('spirt', 'SPIRT', [30.8, '128–3048', 0.1194, 0.1306, 0.832, 62]),
    row('scatter-reduce', 'ScatterReduce', [810, '4880', 0.2056, 0.3456, 0.821, 1652]),
    row('all-reduce', 'AllReduce', [812, '4986', 0.2104, 0.3704, 0.8505, 1367]),
    row('mlless', 'MLLess', [4638, '5389', 1.3139, 1.4105, 0.8348, 190])
  ],
  cautions: [
    'There SPIRT made one optimiser step in an epoch, the others 49.',
    'There the optimisers differ: Adam for SPIRT and MLLess, SGD with momentum for the others.',
    "MLLess's cost appears to be without its filter, its accuracy with it.",
    'Some components of the totals there do not add up.'
  ]
}

/** The published table for the model and data of a run; null when there is none. */
export function publishedFor({ model, dataset }: Pick<Options, 'model' | 'dataset'>): Published | null {
  const names = [model, dataset].map((text) => parsePlugin(text).name)
  return names.join(' ') === 'mobilenet cifar10' ? MOBILENET_CIFAR10 : null
}

type Figures = readonly [
  seconds: number,
  memory: string,
  lambda: number,
  total: number,
  accuracy: number,
  minutes: number
]

function row(strategy: string, architecture: string, figures: Figures): PublishedRow {
  const [secondsPerEpoch, memory, lambdaDollars, dollars, accuracy, minutes] = figures
  return { strategy, architecture, secondsPerEpoch, memory, lambdaDollars, dollars, accuracy, minutes }
}
