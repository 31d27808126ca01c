import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { canonical, PeergradError } from '@peergrad/core'
import { directory, writeWhole } from '../files.js'
import { fileError } from '../machine-error.js'
import { isPlanned, type Cell, type CellPlan } from './cells.js'
import type { Outcome } from './outcome.js'
import { ownModules } from './own-modules.js'

/** How cells are run: over real processes, or on the virtual clock. */
export type Mode = 'processes' | 'simulation'

/** What makes a kept outcome that of a cell. */
interface Identity {
  readonly mode: Mode
  readonly manifest: CellPlan['manifest']
  readonly attack: string | null
  readonly schedule: string | null
  readonly byzantine: number
  readonly evaluateEvery: number
  readonly engine: string
  readonly store: string
  /** left out where everything is built in */
  readonly modules?: ReturnType<typeof ownModules>
}

interface Kept {
  /** of before there is none that says its engine or store */
  readonly cell: Omit<Identity, 'engine' | 'store'> & Partial<Identity>
  readonly outcome: Outcome
}

/**
 * What a cell came to before, if it was run to its end. Error `argument` names the first thing that differs when its
 * directory holds another run, `corrupt` when the file is none of ours.
 */
export function readKept(cell: Cell & { readonly plan: CellPlan }, mode: Mode): Outcome | undefined {
  const file = fileOf(cell)
  if (!existsSync(file)) return undefined
  const there = parse(file)
  const own = identity(cell, mode)
  const { engine, store } = own
  const [here, kept] = [own, { engine, store, ...there.cell }].map(flat)
  const word = Object.keys({ ...here, ...kept }).find((each) => canonical([here[each]]) !== canonical([kept[each]]))
  if (word === undefined) return there.outcome
  const [got, had] = [here[word], kept[word]].map((value) => JSON.stringify(value) ?? 'nothing')
  const message = `${word}: got ${got}, but the run in ${cell.directory} has ${had}; use another --out, or --fresh to run all anew`
  throw new PeergradError('argument', message, { path: word })
}

/** The same of all cells of a grid that can be. */
export function keptOf(cells: readonly Cell[], mode: Mode): Map<Cell, Outcome> {
  const found = cells.filter(isPlanned).map((cell) => [cell, readKept(cell, mode)] as const)
  return new Map(found.flatMap(([cell, outcome]) => (outcome === undefined ? [] : [[cell, outcome]])))
}

export function writeKept(cell: Cell & { readonly plan: CellPlan }, mode: Mode, outcome: Outcome): void {
  directory(cell.directory)
  const kept: Kept = { cell: identity(cell, mode), outcome }
  writeWhole(fileOf(cell), `${JSON.stringify(kept, null, 2)}\n`)
}

/** Removes what an unfinished or older run left, and nothing that is none. */
export function removeKept(cell: Cell): void {
  const left = [fileOf(cell), join(cell.directory, 'run.yaml')]
  if (!left.some(existsSync)) return
  try {
    rmSync(cell.directory, { recursive: true })
  } catch (thrown) {
    throw fileError(cell.directory, thrown)
  }
}

function fileOf({ directory: own }: Cell): string {
  return join(own, 'cell.json')
}

function identity({ plan, byzantine, schedule, options }: Cell & { readonly plan: CellPlan }, mode: Mode): Identity {
  const attack = plan.attack?.text ?? null
  const { engine, store, 'evaluate-every': evaluateEvery } = options
  const { manifest } = plan
  const { model, dataset, partition, strategy, aggregator, preAggregators, filter, codec } = manifest
  // a model of tfjs is named by its file
  const of = model.endsWith('.json') ? resolve(model) : model
  const named = [of, dataset, partition, strategy, aggregator, ...preAggregators, filter, codec]
  const modules = ownModules(attack === null ? named : [...named, attack])
  return {
    ...{ mode, manifest, attack, schedule, byzantine, evaluateEvery, engine, store },
    ...(Object.keys(modules).length > 0 && { modules })
  }
}

/** The manifest's fields beside the others, so that a message names the one that differs. */
function flat({ manifest, ...rest }: Identity): Readonly<Record<string, unknown>> {
  return { ...manifest, ...rest }
}

function parse(file: string): Kept {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Kept
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw fileError(file, cause)
    throw new PeergradError(
      'corrupt',
      `${file}: is no outcome of a cell; remove it, or use --fresh`,
      { file },
      { cause }
    )
  }
}
