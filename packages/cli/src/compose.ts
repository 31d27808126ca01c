import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  PeergradError,
  suggestion,
  type Aggregator,
  type Arena,
  type Clock,
  type Dataset,
  type Engine,
  type GradientStore,
  type Logger,
  type Options,
  type PluginReference,
  type RunManifest,
  type Strategy
} from '@peergrad/core'
import { datasetSource, models } from '@peergrad/engine'
import { memoryStore } from '@peergrad/store'
import { aggregators, codecs, filters, strategies } from '@peergrad/strategies'
import { instantiate, referenceOf } from './plugins.js'

/** Drivers of the peer's database, by name. */
export const STORES: ReadonlyMap<string, { readonly describe: string; readonly open: OpenStore }> = new Map([
  [
    'memory',
    { describe: "in the peer's process, on shared memory; dense work in a worker of its own", open: memoryStore }
  ]
])

type OpenStore = (init: { arena: Arena; clock: Clock; logger: Logger }) => Promise<GradientStore>

/** What a run's manifest names, looked up and made. */
export interface RunParts {
  readonly strategy: Strategy
  readonly aggregator: PluginReference
}

/** What computes and keeps, and is closed when the peer ends. */
export interface PeerParts extends RunParts {
  readonly dataset: Dataset
  readonly engine: Engine
  readonly store: GradientStore
}

export function cacheDirectory(options: Options): string {
  return options['data-dir'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'peergrad')
}

/**
 * Looks up every name that a run and this machine's options hold, and checks each rule's condition on the number of
 * peers: what is wrong is said before anything is started.
 */
export async function checkComponents(manifest: RunManifest, options: Options): Promise<RunParts> {
  if (!STORES.has(options.store)) {
    const names = [...STORES.keys()]
    const message = `store: got "${options.store}", ${suggestion(options.store, names)}expected one of ${names.join(', ')}`
    throw new PeergradError('unknown', message)
  }
  referenceOf(models, manifest.model)
  await datasetSource(manifest.dataset)
  await instantiate(filters, manifest.filter)
  await instantiate(codecs, manifest.codec)
  const aggregator = await instantiate<Aggregator>(aggregators, manifest.aggregator)
  const unmet = aggregator.check(manifest.peers)
  if (unmet !== undefined)
    throw new PeergradError('argument', `aggregator: ${manifest.aggregator} with ${manifest.peers} peers: ${unmet}`)
  const strategy = await instantiate<Strategy>(strategies, manifest.strategy, { minibatches: manifest.minibatches })
  if (strategy.kind === 'single' && manifest.peers > 1) {
    const message = `strategy: ${manifest.strategy} has no exchange, got ${manifest.peers} peers, expected --peers 1`
    throw new PeergradError('argument', message)
  }
  return { strategy, aggregator: referenceOf(aggregators, manifest.aggregator) }
}
