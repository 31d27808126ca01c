import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import {
  checkNumber,
  filterOf,
  PeergradError,
  random,
  suggestion,
  type Aggregator,
  type Codec,
  type Dataset,
  type Filter,
  type GradientStore,
  type Options,
  type Partitioner,
  type PluginReference,
  type RunManifest,
  type StoreRule,
  type Strategy
} from '@peergrad/core'
import {
  createEngine,
  createPartitioner,
  datasetSource,
  engines,
  loadDataset,
  models,
  type TfjsEngine
} from '@peergrad/engine'
import { aggregators, codecs, filters, strategies } from '@peergrad/strategies'
import { checkCombination } from './combination.js'
import { instantiate, referenceOf, type Members } from './plugins.js'
import { checkStore, openStore, type StoreInit } from './stores.js'

const CODEC: Members = { name: 'string', bytes: 'function', encode: 'function', decode: 'function' }
const FILTER: Members = { name: 'string', apply: 'function' }
const AGGREGATOR: Members = { name: 'string', check: 'function', aggregate: 'function' }
const STRATEGY: Members = { name: 'string', kind: 'string', minibatches: 'number', round: 'function' }

/** What a run's manifest names, looked up and made. */
export interface RunParts {
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** the rule by the name that databases know */
  readonly ruleInStore?: StoreRule
  /** left out when everything is sent */
  readonly filter?: PluginReference
  /** left out when vectors travel as they are */
  readonly codec?: { readonly reference: PluginReference; readonly codec: Codec }
}

export function cacheDirectory(options: Options): string {
  return options['data-dir'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'peergrad')
}

/**
 * Looks up every name that a run and this machine's options hold, and checks each rule's condition on the number of
 * peers: what is wrong is said before anything is started.
 */
export async function checkComponents(manifest: RunManifest, options: Options): Promise<RunParts> {
  checkStore(options)
  checkEngine(options.engine)
  referenceOf(models, manifest.model)
  await datasetSource(manifest.dataset)
  await createPartitioner(manifest.partition)
  checkPreAggregators(manifest)
  const codec = await instantiate<Codec>(codecs, manifest.codec, CODEC)
  const aggregator = await instantiate<Aggregator>(aggregators, manifest.aggregator, AGGREGATOR)
  const strategy = await createStrategy(manifest.strategy, manifest)
  const filterName = filterOf(strategy, codec, manifest)
  const filter = filterName === undefined ? undefined : await instantiate<Filter>(filters, filterName, FILTER)
  checkCombination({ strategy, aggregator, codec, filter, peers: manifest.peers })
  const packing = { reference: referenceOf(codecs, manifest.codec), codec }
  return {
    strategy,
    aggregator: referenceOf(aggregators, manifest.aggregator),
    ...(aggregator.inStore && { ruleInStore: aggregator.inStore }),
    ...(filterName !== undefined && { filter: referenceOf(filters, filterName) }),
    ...(codec.name !== 'f32' && { codec: packing })
  }
}

/** What a text names; the run's `minibatches` and `every` go to one that does not say them itself. */
export async function createStrategy(
  text: string,
  { minibatches, every }: Pick<RunManifest, 'minibatches' | 'every'>
): Promise<Strategy> {
  const defaults = { minibatches, ...(every > 1 && { every }) }
  const strategy = await instantiate<Strategy>(strategies, text, STRATEGY, defaults)
  checkNumber(`strategy ${text}: minibatches`, strategy.minibatches, { min: 1 }, true)
  return strategy
}

/** Rules of this version take vectors as they come. */
function checkPreAggregators({ preAggregators }: RunManifest): void {
  if (preAggregators.length > 0) {
    throw new PeergradError(
      'unknown',
      `pre-aggregator: got "${preAggregators.join(', ')}", expected none: there are none yet`
    )
  }
}

function checkEngine(name: string): void {
  if (name === 'auto') return
  const found = engines()
  const engine = found.find((each) => each.name === name)
  if (engine === undefined) {
    const names = ['auto', ...found.map((each) => each.name)]
    const message = `engine: got "${name}", ${suggestion(name, names)}expected one of ${names.join(', ')}`
    throw new PeergradError('unknown', message)
  }
  if (!engine.available) throw new PeergradError('unsupported', `engine: ${name} cannot run here: ${engine.why}`)
}

export interface OpenInit extends StoreInit {
  readonly manifest: RunManifest
  readonly signal: AbortSignal
}

/** What a peer is made of, for a run: data, engine, store, strategy and rule. */
export async function openParts({ manifest, signal, ...init }: OpenInit): Promise<PeerParts> {
  const { options, arena, logger, opened } = init
  const parts = await checkComponents(manifest, options)
  const report = (message: string) => logger.info({}, message)
  const dataset = await loadDataset(manifest.dataset, { cacheDirectory: cacheDirectory(options), signal, report })
  const workers = options['engine-workers'] || availableParallelism()
  const engine = await createEngine({ backend: options.engine, model: manifest.model, dataset, arena, workers, signal })
  opened.push(engine)
  const store = await openStore(init)
  const partition = dealer(await createPartitioner(manifest.partition), dataset, manifest.seed)
  return { ...parts, engine, store, partition }
}

export interface PeerParts extends RunParts {
  readonly engine: TfjsEngine
  readonly store: GradientStore
  /** deals the training samples to so many ranks; the same in every epoch, so that a peer keeps its data */
  readonly partition: (shards: number) => readonly Uint32Array[]
}

/** The samples of each rank under the run's seed. The last number of ranks is remembered: it seldom changes. */
export function dealer(partitioner: Partitioner, { train, classes }: Dataset, seed: number): PeerParts['partition'] {
  let last: readonly Uint32Array[] = []
  return (shards) => {
    if (last.length !== shards) {
      last = partitioner.partition({ labels: train.labels, classes, shards, random: random(seed, 'partition') })
    }
    return last
  }
}
