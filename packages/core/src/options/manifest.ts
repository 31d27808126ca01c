import { admissionText, parseAdmission } from '../admission.js'
import { RUN_VERSION, type RunManifest } from '../contracts/run-manifest.js'
import { PeergradError } from '../errors.js'
import type { OptimiserSpec } from '../optimiser.js'
import { parseSchedule } from '../schedule.js'
import { runManifestSchema } from '../wire/run-manifest.js'
import { OPTIONS, OPTION_NAMES, type OptionName, type Options } from './table.js'

/** The options on which all peers of a run must agree, and that so make its manifest. */
export const MANIFEST_OPTIONS: readonly OptionName[] = OPTION_NAMES.filter((name) => OPTIONS[name].manifest === true)

/**
 * What the options say of the run. Errors: `unknown` or `argument` for a schedule or optimiser that is none, `argument` for
 * more than other peers take.
 */
export function optionsToManifest(options: Options): RunManifest {
  parseSchedule(options.schedule)
  const manifest: RunManifest = {
    version: RUN_VERSION,
    model: options.model,
    dataset: options.dataset,
    partition: options.partition,
    strategy: options.strategy,
    aggregator: options.aggregator,
    preAggregators: options['pre-aggregator'],
    filter: options.filter,
    codec: options.codec,
    optimiser: optimiser(options),
    schedule: options.schedule,
    workerMomentum: options['worker-momentum'],
    batch: options.batch,
    minibatches: options.minibatches,
    every: options.every,
    epochs: options.epochs,
    rounds: options.rounds,
    targetAccuracy: options['target-accuracy'],
    seed: options.seed,
    peers: options.peers,
    minPeers: options['min-peers'],
    deadline: Math.round(options.deadline * 1000),
    grace: Math.round(options.grace * 1000),
    onFailure: options['on-failure'],
    maxNorm: options['max-norm'],
    admission: admissionText({ kind: options.admission, peers: options.allow })
  }
  checkTaken(manifest)
  return manifest
}

/** The same as options: what `optionsToManifest` makes a manifest of again, and what a run file says. */
export function manifestToOptions(manifest: RunManifest): Partial<Options> {
  const { optimiser } = manifest
  const admission = parseAdmission(manifest.admission)
  return {
    strategy: manifest.strategy,
    aggregator: manifest.aggregator,
    'pre-aggregator': manifest.preAggregators,
    filter: manifest.filter,
    codec: manifest.codec,
    model: manifest.model,
    dataset: manifest.dataset,
    partition: manifest.partition,
    epochs: manifest.epochs,
    rounds: manifest.rounds,
    batch: manifest.batch,
    minibatches: manifest.minibatches,
    every: manifest.every,
    optimizer: optimiser.name,
    lr: optimiser.learningRate,
    momentum: 'momentum' in optimiser ? optimiser.momentum : undefined,
    'weight-decay': optimiser.weightDecay,
    schedule: manifest.schedule,
    'worker-momentum': manifest.workerMomentum,
    seed: manifest.seed,
    'target-accuracy': manifest.targetAccuracy,
    deadline: manifest.deadline / 1000,
    grace: manifest.grace / 1000,
    'on-failure': manifest.onFailure,
    peers: manifest.peers,
    'min-peers': manifest.minPeers,
    'max-norm': manifest.maxNorm,
    admission: admission.kind,
    allow: admission.peers
  }
}

function optimiser(options: Options): OptimiserSpec {
  const { optimizer: name, momentum } = options
  const weightDecay = options['weight-decay']
  const common = { learningRate: options.lr, ...(weightDecay === undefined ? {} : { weightDecay }) }
  if (name === 'momentum' || name === 'nesterov')
    return { name, ...common, ...(momentum === undefined ? {} : { momentum }) }
  if (momentum === undefined) return { name, ...common }
  const message = `momentum: got ${momentum} with optimizer ${name}, which has none; expected optimizer momentum or nesterov`
  throw new PeergradError('argument', message, { path: 'momentum' })
}

/** Manifest fields whose option has another word. */
const WORDS: Readonly<Record<string, OptionName | undefined>> = { preAggregators: 'pre-aggregator', admission: 'allow' }

/** A manifest that peers and checkpoints refuse is told to whoever wrote its options. */
function checkTaken(manifest: RunManifest): void {
  const { error } = runManifestSchema.safeParse(manifest, { reportInput: true })
  const issue = error?.issues[0]
  if (issue === undefined) return
  const [field] = issue.path
  const path = WORDS[String(field)] ?? String(field)
  const limit = issue.code === 'too_big' ? sizes(issue.input, issue.maximum) : issue.message
  throw new PeergradError('argument', `${path}: ${limit}`, { path })
}

function sizes(input: unknown, maximum: number | bigint): string {
  if (Array.isArray(input)) return `got ${input.length}, expected at most ${maximum}`
  return `got ${String(input).length} characters, expected at most ${maximum}`
}
