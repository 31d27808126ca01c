import { describedRegistry, loadPlugin, resolvePlugin, type Partitioner } from '@peergrad/core'

/** Built-in partitioners. A module path or package name that exports a factory of a Partitioner works likewise. */
export const partitioners = describedRegistry('partition', import.meta.url, [
  ['iid', '../partition/iid.js', 'iid', 'samples dealt at random'],
  [
    'dirichlet',
    '../partition/dirichlet.js',
    'dirichlet',
    'each class split by Dirichlet(alpha); alpha=0.5, smaller is more skewed'
  ],
  [
    'shards',
    '../partition/label-shards.js',
    'labelShards',
    'perPeer=2 slices of the samples sorted by label for each peer'
  ],
  [
    'similarity',
    '../partition/similarity.js',
    'similarity',
    "ByzFL's: a share gamma=0.5 at random, the rest sorted by label; among=N: by the first N ranks only"
  ]
])

/** The partitioner that a text names, e.g. `dirichlet:alpha=0.1`. Errors: `unknown`, `missing`, `argument`. */
export async function createPartitioner(text: string): Promise<Partitioner> {
  return loadPlugin('partition', resolvePlugin(partitioners, text))
}
