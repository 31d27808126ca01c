import type { Table } from '../output/page.js'
import { bytes, percent, whole } from '../output/units.js'
import { groupBy, groupsOf } from './groups.js'
import { defenceOf, isFinished, type FinishedRow, type Row } from './row.js'

/** Levels whose attacks are no numbers: what must hold is told apart. */
const STANDING_LEVELS = ['payload', 'protocol']

const NOTES = [
  'Held: all honest peers ended the run with the same parameters, and none of them was shut out. Rounds delayed: those for which an honest peer needed more than one attempt, or the whole deadline. Bytes wasted: what honest peers received beyond the formula of the strategy, messages included; a run without an attack has some too. Excluded after: rounds until no hostile peer was in the view any more.'
]

/** What attacks on the payload and the protocol did, for each strategy and partition. */
export function standings(rows: readonly Row[]): Table[] {
  const told = rows.filter(isFinished).filter(({ level }) => level !== null && STANDING_LEVELS.includes(level))
  return groupsOf(told).map(({ name, rows: own }) => ({
    heading: `${name}: payload and protocol`,
    ...table(own, ['held', 'rounds delayed', 'bytes wasted', 'excluded after', 'why not held'], standingOf),
    notes: NOTES
  }))
}

/** How far attacks got that have an aim: they leave the accuracy alone. */
export function aims(rows: readonly Row[]): Table[] {
  const told = rows.filter(isFinished).filter(({ success }) => success !== undefined)
  return groupsOf(told).map(({ name, rows: own }) => ({
    heading: `${name}: attacks with an aim`,
    ...table(own, ['success', 'last accuracy'], ({ success, last }) => [percent(success ?? null), percent(last)]),
    notes: [
      'Success: the share of the samples on which the attack wants the model to be wrong (for backdoor: all test images with the patch that are not of its class) that the last model takes as it wants.'
    ]
  }))
}

/** What is to be known beside the numbers: which cells have none and why, and where they come from. */
export function remarks(rows: readonly Row[]): string[] {
  const told = rows.flatMap((row): { reason: string; row: Row }[] => {
    if (row.status === 'refused') return [{ reason: `refused: ${firstLine(row.reason)}`, row }]
    if (row.status === 'failed') return [{ reason: `failed: ${firstLine(row.reason)}`, row }]
    if (row.status === 'stopped') return [{ reason: 'stopped or not begun; the same command goes on with it', row }]
    return row.ended === null
      ? []
      : [{ reason: `ended after ${row.rounds} rounds: ${firstLine(row.ended.message)}`, row }]
  })
  const why = [...groupBy(told, ({ reason }) => reason)].map(([reason, own]) => {
    const [first] = own
    const others = own.length === 1 ? '' : ` and ${own.length - 1} more`
    return `${first?.row.name ?? ''}${others} ${reason}`
  })
  return [...why, ...origins(rows)]
}

/** Where and when cells were run, where that is not the same for all. */
function origins(rows: readonly Row[]): string[] {
  const unknown = 'by an earlier version, which did not keep where and when'
  const made = groupBy(rows.filter(isFinished), (row) => row.made ?? unknown)
  return made.size < 2 ? [] : [...made].map(([where, { length }]) => `${length} of the cells were run: ${where}`)
}

/** A line for each row: what tells it apart from the others, then what it came to. */
function table(
  rows: readonly FinishedRow[],
  columns: readonly string[],
  value: (row: FinishedRow) => readonly string[]
): Pick<Table, 'columns' | 'rows'> {
  const apart: [string, (row: FinishedRow) => string][] = [
    ['attack', ({ attack }) => attack],
    ['rule', defenceOf],
    ['f', ({ byzantine }) => String(byzantine)]
  ]
  if (rows.some(({ byzantine, declared }) => declared !== byzantine)) {
    apart.push(['declared', ({ declared }) => String(declared)])
  }
  if (new Set(rows.map(({ seed }) => seed)).size > 1) apart.push(['seed', ({ seed }) => String(seed)])
  return {
    columns: [...apart.map(([name]) => name), ...columns],
    rows: rows.map((row) => [...apart.map(([, of]) => of(row)), ...value(row)])
  }
}

function standingOf({ standing }: FinishedRow): string[] {
  const { held, why, delayed, wasted, exclusion } = standing
  return [
    held ? 'yes' : 'no',
    whole(delayed),
    bytes(wasted),
    exclusion === null ? '–' : whole(exclusion),
    why === null ? '–' : firstLine(why)
  ]
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}
