import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  checkNumber,
  loadPlugin,
  optionsToManifest,
  PeergradError,
  resolveOptions,
  resolvePlugin,
  shown,
  type Attack,
  type AttackSchedule,
  type Options,
  type RunManifest
} from '@peergrad/core'
import { ALWAYS, identitiesOf, scheduleOf } from '../attack/plan.js'
import { attacks } from '../attack/registry.js'
import { checkComponents, type RunParts } from '../compose.js'
import { cellsOf, type Axis, type Settings } from './axes.js'
import type { Mode } from './kept.js'
import { checkOurs } from './byzfl-words.js'
import { checkTaken, telling } from './telling.js'

/** An attack that is none: the hostile peers of the cell are honest. */
export const NONE = 'none'

/** One run of a grid. */
export interface Cell {
  /** of its directory, unlike all others of the grid */
  readonly name: string
  readonly directory: string
  readonly strategy: string
  /** as it was asked for, without the f that it is told */
  readonly aggregator: string
  readonly preAggregators: readonly string[]
  /** as it was asked for, or `none` */
  readonly attack: string
  /** hostile peers, which have the last ranks */
  readonly byzantine: number
  /** when and against whom, as `--attack-schedule` has it; null: always, and everybody */
  readonly schedule: string | null
  /** f that rules are told, which say none themselves */
  readonly declared: number
  /** what reports say of it: where the grid says nothing, the f that the rule has, which may say its own */
  readonly shown: number
  readonly partition: string
  readonly seed: number
  /** whatever else the grid varies, with its values here */
  readonly others: Settings
  readonly options: Options
  /** what the run is made of, or why it cannot be */
  readonly plan: CellPlan | PeergradError
}

export interface CellPlan {
  readonly manifest: RunManifest
  readonly parts: RunParts
  /** absent when nobody is hostile */
  readonly attack: { readonly text: string; readonly attack: Attack; readonly schedule: AttackSchedule } | undefined
}

interface PlacedInit {
  /** of the grid */
  readonly out: string
  readonly mode: Mode
}

/** Characters of a cell's name, which is that of a directory and of files. */
const LONGEST = 180
/** Words that a cell says itself. */
const NAMED = ['strategy', 'aggregator', 'pre-aggregator', 'attack', 'byzantine', 'declared', 'partition', 'seed']

/**
 * The cells of a grid, each with why it cannot be where it cannot. Errors: `unknown` and `argument` for values that no
 * cell could have, and the first reason when none of the cells can be.
 */
export async function planCells(axes: readonly Axis[], { out, mode }: PlacedInit): Promise<Cell[]> {
  const varied = axes.filter(({ word, values }) => values.length > 1 && !NAMED.includes(word)).map(({ word }) => word)
  const cells: Cell[] = []
  for (const settings of cellsOf(axes)) {
    const cell = await planCell(settings, varied, { out, mode })
    if (cells.some(({ name }) => name === cell.name)) {
      throw new PeergradError('duplicate', `grid: got the cell ${cell.name} twice, expected each value of an axis once`)
    }
    cells.push(cell)
  }
  const refusals = cells.flatMap(({ plan }) => (plan instanceof PeergradError ? [plan] : []))
  if (refusals[0] !== undefined && refusals.length === cells.length) throw refusals[0]
  return cells
}

/** Peers of a cell that are hostile: a process may be several. */
export function hostileIn({ byzantine }: Pick<Cell, 'byzantine'>, { attack }: Pick<CellPlan, 'attack'>): number {
  return attack === undefined ? 0 : byzantine * identitiesOf(attack.attack)
}

/** Cells that run. */
export function isPlanned(cell: Cell): cell is Cell & { readonly plan: CellPlan } {
  return !(cell.plan instanceof PeergradError)
}

/** The plan of a cell of a simulation, made once more in another thread: plug-ins do not go there. */
export function planAgain({ options, ...facts }: Omit<Cell, 'plan'>): Promise<CellPlan> {
  return planRun(options, { ...facts, mode: 'simulation' })
}

async function planCell(settings: Settings, varied: readonly string[], { out, mode }: PlacedInit): Promise<Cell> {
  const { attack: rawAttack, byzantine: rawByzantine, declared: rawDeclared, honest, ...rest } = settings
  const { 'attack-schedule': rawSchedule, ...words } = rest
  const byzantine = checkNumber('byzantine', rawByzantine, { min: 0, max: 1023 }, true)
  const declared = checkNumber('declared', rawDeclared ?? byzantine, { min: 0, max: 1023 }, true)
  const attack = checkText('attack', rawAttack, 'a name with its options behind a colon, as in ipm:tau=0.5')
  const schedule =
    rawSchedule === undefined ? null : checkText('attack-schedule', rawSchedule, 'rounds, as in start=10,stop=50')
  const all = honest === undefined ? {} : { peers: peersOf(honest, byzantine, words['peers']) }
  const { options: asked } = resolveOptions({ flags: { ...words, ...all } })
  const others = Object.fromEntries(varied.map((word) => [word, settings[word]]))
  const { strategy, aggregator, partition, seed } = asked
  const facts = { strategy, aggregator, attack, byzantine, schedule, declared, partition, seed, others }
  const chain = { aggregator, preAggregators: asked['pre-aggregator'] }
  const name = nameOf({ ...facts, ...chain })
  const directory = join(out, 'cells', name)
  const told = await telling(chain, declared)
  const options: Options = {
    ...asked,
    aggregator: told.aggregator,
    'pre-aggregator': told.preAggregators,
    'target-accuracy': 0,
    out: directory
  }
  const plan = await planRun(options, { attack, byzantine, schedule, mode })
    .then((planned) => {
      if (rawDeclared !== undefined) checkTaken(chain, told, declared)
      return planned
    })
    .catch(refusal)
  const own = rawDeclared === undefined ? await ownF(plan) : undefined
  return { ...facts, ...chain, shown: own ?? declared, name, directory, options, plan }
}

/** The f that the rule of a plan has, where it has one. */
async function ownF(plan: CellPlan | PeergradError): Promise<number | undefined> {
  return plan instanceof PeergradError ? undefined : (await loadPlugin('aggregator', plan.parts.aggregator)).f
}

/** Error `argument` for what YAML made an object or a list of. */
function checkText(word: string, raw: unknown, expected: string): string {
  if (typeof raw === 'string') return raw
  throw new PeergradError('argument', `${word}: got ${shown(raw)}, expected ${expected}`, { path: word })
}

/** Error `argument` when `peers` was given too, and is another number. */
function peersOf(honest: unknown, byzantine: number, peers: unknown): number {
  const all = checkNumber('honest', honest, { min: 1 }, true) + byzantine
  const given = peers === undefined ? all : checkNumber('peers', peers, { min: 1 }, true)
  if (given === all) return all
  const message = `peers: got ${given} beside ${all - byzantine} honest and ${byzantine} hostile ones, expected ${all}; leave peers or honest out`
  throw new PeergradError('argument', message, { path: 'peers' })
}

/** Why a cell cannot be. A name that is none is a slip, and ends all. */
function refusal(thrown: unknown): PeergradError {
  const error = PeergradError.from(thrown)
  if (error.code === 'unknown' || error.code === 'missing') throw error
  return error
}

async function planRun(
  options: Options,
  { attack: text, byzantine, schedule, mode }: Pick<Cell, 'attack' | 'byzantine' | 'schedule'> & { readonly mode: Mode }
): Promise<CellPlan> {
  if (byzantine >= options.peers) {
    const message = `byzantine: got ${byzantine} of ${options.peers} peers, expected an honest one at least`
    throw new PeergradError('argument', message)
  }
  if (mode === 'simulation' && !['auto', 'memory'].includes(options.store)) {
    const message = `store: got ${options.store}, and simulated peers have one memory for all; leave --simulate or --store out`
    throw new PeergradError('unsupported', message)
  }
  checkOurs('attack', text)
  checkOurs('aggregator', options.aggregator)
  for (const each of options['pre-aggregator']) checkOurs('pre-aggregator', each)
  const manifest = optionsToManifest(options)
  const parts = await checkComponents(manifest, options)
  if (parts.strategy.kind === 'single') {
    throw new PeergradError('argument', `strategy ${parts.strategy.name}: has no exchange that could be attacked`)
  }
  if (text === NONE || byzantine === 0) return { manifest, parts, attack: undefined }
  const attack = await loadPlugin('attack', resolvePlugin(attacks, text))
  if (mode === 'simulation' && 'transport' in attack && attack.transport !== undefined) {
    const message = `attack ${attack.name}: plays below the mesh, which a network in memory has not; leave --simulate out`
    throw new PeergradError('unsupported', message)
  }
  if (mode === 'processes' && identitiesOf(attack) > 1) {
    const message = `attack ${attack.name}: joins a run by itself, as no peer that was started; add --simulate, or give it to a peer with --attack`
    throw new PeergradError('unsupported', message)
  }
  const when = schedule === null ? ALWAYS : scheduleOf(attack, schedule)
  checkPlays(when, options)
  return { manifest, parts, attack: { text, attack, schedule: when } }
}

/** An attack that never plays would be said to be survived. */
function checkPlays({ start, targets }: AttackSchedule, { rounds }: Options): void {
  if (targets.length > 0) {
    const message = `--attack-schedule: got the targets ${targets.join('+')}, but peers of a grid have no names before they run; leave them out`
    throw new PeergradError('argument', message)
  }
  if (rounds === 0 || start < rounds) return
  const message = `--attack-schedule: got a start in round ${start} of ${rounds} rounds, where it would never play; expected an earlier one`
  throw new PeergradError('argument', message)
}

/** A name for files and URLs. */
function nameOf(cell: Omit<Cell, 'shown' | 'name' | 'directory' | 'options' | 'plan'>): string {
  const { strategy, aggregator, preAggregators: chain, attack, byzantine, declared, partition, seed, others } = cell
  const words = [
    strategy,
    ...chain,
    aggregator,
    attack,
    `f${byzantine}`,
    ...(declared === byzantine ? [] : [`declared${declared}`]),
    partition,
    `seed${seed}`,
    ...Object.entries(others).map(([word, value]) => `${word}-${JSON.stringify(value)}`)
  ]
  const name = words.map(fileName).join('_')
  if (name.length <= LONGEST) return name
  const digest = createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 16)
  return `${name.slice(0, LONGEST - digest.length - 1)}-${digest}`
}

function fileName(word: string): string {
  return word.replace(/[^\w.-]+/g, '-').replace(/^[-.]+/, '')
}
