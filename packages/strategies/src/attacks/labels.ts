import type { DataAttack, Dataset, Random } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'

const HOLDS =
  'a robust rule with f declared learns every class; the mean loses accuracy with the share of hostile peers'

/** y → K − 1 − y (Fang et al., USENIX Security 2020): its gradients are honest, and of another task. */
export function labelFlip(options: PluginOptions): DataAttack {
  return relabelling(
    'label-flip',
    'trains on labels turned around, y → K − 1 − y (Fang et al. 2020)',
    options,
    ({ classes }, labels) => labels.map((label) => classes - 1 - label)
  )
}

/** Every label drawn anew: noise, of no paper. A label stays what it was once in K times. */
export function randomLabels(options: PluginOptions): DataAttack {
  return relabelling('random-labels', 'trains on labels drawn at random', options, ({ classes }, labels, random) =>
    labels.map(() => random.below(classes))
  )
}

/** The labels in ascending order over the samples as they lie, of no paper: each class in its number, and hardly one in its place. */
export function sortedLabels(options: PluginOptions): DataAttack {
  return relabelling(
    'sorted-labels',
    'trains on its labels in sorted order, so that they fit no sample',
    options,
    (_, labels) => labels.sort()
  )
}

function relabelling(
  name: string,
  describe: string,
  options: PluginOptions,
  relabel: (dataset: Dataset, labels: Uint8Array, random: Random) => Uint8Array
): DataAttack {
  checkNames(name, options, ['share'])
  const share = numberOption(name, options, 'share', { fallback: 1, above: 0, max: 1 })
  return {
    name,
    describe: `${describe}; share=1 of the samples`,
    holds: HOLDS,
    level: 'data',
    knows: [],
    corrupt(dataset, random) {
      const { train } = dataset
      const relabelled = relabel(dataset, train.labels.slice(), random)
      const labels = new Uint8Array(new SharedArrayBuffer(train.count))
      for (let i = 0; i < labels.length; i++) {
        labels[i] = share === 1 || random.uniform() < share ? relabelled[i] : train.labels[i]
      }
      return { ...dataset, train: { ...train, labels } }
    }
  }
}
