import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import {
  filterOf,
  loadPlugin,
  ofPlugin,
  PeergradError,
  random,
  resolvePlugin,
  suggestion,
  unmetCondition,
  type Codec,
  type Dataset,
  type GradientStore,
  type Options,
  type Partitioner,
  type PluginReference,
  type RunManifest,
  type StoreRule,
  type Strategy,
  type TrialRequest
} from '@peergrad/core'
import {
  createEngine,
  createPartitioner,
  datasetSource,
  engines,
  loadDataset,
  modelReference,
  type TfjsEngine
} from '@peergrad/engine'
import { aggregators, codecs, filters, preAggregators, strategies } from '@peergrad/strategies'
import { checkCombination } from './combination.js'
import type { Armed } from './attack/arm.js'
import { checkInDatabase } from './in-database.js'
import { datasetHere } from './peer/data-here.js'
import { checkStore, openStore, type StoreInit } from './stores.js'
import { unguarded } from './unguarded.js'

/** A gradient may be slower than a round waits for, and so many times as slow before its model is taken to hang. */
const SLOW_MODEL = 10

/** What a run's manifest names, looked up and made. */
export interface RunParts {
  readonly strategy: Strategy
  readonly aggregator: PluginReference
  /** whether its condition, and those of what is before it, hold for so many contributions */
  readonly takes: (contributions: number) => boolean
  /** what the rule wants measured, see Aggregator.trials */
  readonly trials?: TrialRequest
  /** left out when the rule is given what the peers give */
  readonly preAggregators?: readonly PluginReference[]
  /** what the rule is to databases, see Aggregator.inStore */
  readonly ruleInStore?: StoreRule
  /** left out when everything is sent */
  readonly filter?: PluginReference
  /** the filter is a test that databases have, see Filter.significance */
  readonly significance?: boolean
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
  await checkStore(options)
  checkEngine(options.engine)
  // it is built by the engine that trains it; that it is there, and takes its options, can be seen before
  await loadPlugin('model', modelReference(manifest.model))
  await datasetSource(manifest.dataset)
  await createPartitioner(manifest.partition)
  const packing = resolvePlugin(codecs, manifest.codec)
  const codec = await loadPlugin('codec', packing)
  const rule = resolvePlugin(aggregators, manifest.aggregator)
  const aggregator = await loadPlugin('aggregator', rule)
  const pre = manifest.preAggregators.map((text) => resolvePlugin(preAggregators, text))
  const chain = await Promise.all(pre.map((each) => loadPlugin('pre-aggregator', each)))
  const strategy = await createStrategy(manifest.strategy, manifest)
  const filterName = filterOf(strategy, codec, manifest)
  const filtering = filterName === undefined ? undefined : resolvePlugin(filters, filterName)
  const filter = filtering && (await loadPlugin('filter', filtering))
  const { peers, workerMomentum } = manifest
  checkCombination({ strategy, aggregator, preAggregators: chain, codec, filter, peers, workerMomentum })
  return {
    strategy,
    aggregator: rule,
    takes: (contributions) => unmetCondition(chain, aggregator, contributions) === undefined,
    ...(aggregator.trials && { trials: aggregator.trials }),
    // what databases know is the rule over what the peers gave
    ...(pre.length === 0 ? aggregator.inStore && { ruleInStore: aggregator.inStore } : { preAggregators: pre }),
    ...(filtering && { filter: filtering, significance: filter?.significance !== undefined }),
    ...(codec.name !== 'f32' && { codec: { reference: packing, codec } })
  }
}

/** What a text names; the run's `minibatches` and `every` go to one that does not say them itself. */
export async function createStrategy(
  text: string,
  manifest: Pick<RunManifest, 'minibatches' | 'every'>
): Promise<Strategy> {
  return loadPlugin('strategy', strategyReference(text, manifest))
}

export function strategyReference(
  text: string,
  { minibatches, every }: Pick<RunManifest, 'minibatches' | 'every'>
): PluginReference {
  const { options: given, ...architecture } = resolvePlugin(strategies, text)
  const defaults = { minibatches, ...(every > 1 && { every }) }
  return { ...architecture, options: { ...defaults, ...given } }
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

export interface OpenInit extends Omit<StoreInit, 'pluginTimeout'> {
  readonly manifest: RunManifest
  readonly signal: AbortSignal
  /** what the engine trains on is what it makes of the data */
  readonly armed: Pick<Armed, 'dataset'>
}

/** What a peer is made of, for a run: data, engine, store, strategy and rule. */
export async function openParts({ manifest, signal, armed, ...init }: OpenInit): Promise<PeerParts> {
  const { options, arena, logger, opened } = init
  const parts = await checkComponents(manifest, options)
  const warning = await unguarded(manifest)
  if (warning !== undefined) logger.warn({}, warning)
  const report = (message: string) => logger.info({}, message)
  const { stream } = options
  const loading = { cacheDirectory: cacheDirectory(options), stream, signal, report }
  const dataset = await loadDataset(datasetHere(manifest.dataset, options.data), loading)
  const workers = options['engine-workers'] || availableParallelism()
  const engine = await createEngine({
    backend: options.engine,
    model: manifest.model,
    dataset: armed.dataset(dataset, manifest),
    arena,
    workers,
    pluginTimeout: SLOW_MODEL * (manifest.deadline + manifest.grace),
    signal
  })
  opened.push(engine)
  const store = await openStore({ ...init, pluginTimeout: manifest.deadline + manifest.grace })
  if (options['in-database']) checkInDatabase(store, parts)
  const partition = dealer(await createPartitioner(manifest.partition), dataset, manifest.seed)
  return { ...parts, engine, store, partition }
}

export interface PeerParts extends RunParts {
  readonly engine: TfjsEngine
  readonly store: GradientStore
  /** deals the training samples to so many ranks; the same in every epoch, so that a peer keeps its data */
  readonly partition: (shards: number) => readonly Uint32Array[]
}

/**
 * The samples of each rank under the run's seed. The last number of ranks is remembered: it seldom changes. Error
 * `argument` when the partitioner does not deal each sample once.
 */
export function dealer(partitioner: Partitioner, { train, classes }: Dataset, seed: number): PeerParts['partition'] {
  let last: readonly Uint32Array[] = []
  return (shards) => {
    if (last.length !== shards) last = deal(partitioner, { labels: train.labels, classes, shards, seed })
    return last
  }
}

function deal(
  partitioner: Partitioner,
  { seed, ...init }: { labels: Uint8Array; classes: number; shards: number; seed: number }
): readonly Uint32Array[] {
  const who = `partition ${partitioner.name}`
  const dealt = ofPlugin(who, () => partitioner.partition({ ...init, random: random(seed, 'partition') }))
  const wrong = undealt(dealt, init.shards, init.labels.length)
  if (wrong === undefined) return dealt
  throw new PeergradError('argument', `${who}: ${wrong}`, { plugin: who })
}

/** What is wrong with shards that should hold each sample once. */
function undealt(dealt: readonly Uint32Array[], shards: number, samples: number): string | undefined {
  if (!Array.isArray(dealt) || dealt.length !== shards || !dealt.every((shard) => shard instanceof Uint32Array)) {
    return `gave ${Array.isArray(dealt) ? `${dealt.length} shards` : 'no list'}, expected ${shards} Uint32Arrays`
  }
  const empty = dealt.findIndex(({ length }) => length === 0)
  if (empty >= 0) return `dealt no sample to shard ${empty} of ${shards}, expected some to each`
  const seen = new Uint8Array(samples)
  for (const shard of dealt) {
    for (const sample of shard) {
      if (sample >= samples || seen[sample] === 1) {
        return `dealt sample ${sample} ${sample >= samples ? `of ${samples}` : 'twice'}, expected each once`
      }
      seen[sample] = 1
    }
  }
  const left = seen.indexOf(0)
  return left < 0 ? undefined : `dealt sample ${left} to nobody, expected each once`
}
