import { table } from '../output/table.js'
import { percent } from '../output/units.js'
import { NONE } from './cells.js'
import type { Settings } from './axes.js'
import { groupBy, groupsOf, meanOf } from './groups.js'
import { listAttacks } from './list.js'
import { defenceOf, isFinished, type FinishedRow, type Row } from './row.js'

/** A run survives an attack that leaves it so much of the accuracy that it has without one. */
const SURVIVES = 0.9
/** A rule trains that brings a model so much of the way from chance to no mistake. */
const TRAINS = 0.1

/** A small grid that is over in a minute: a rule against every attack in the numbers, with 1 to 3 of 8 peers hostile. */
export async function quickGrid(): Promise<Settings> {
  const listed = await listAttacks()
  return {
    model: 'mlp:hidden=16',
    dataset: 'synthetic:train=1600,test=400,noise=0.6',
    strategy: 'spirt:minibatches=1',
    attack: [NONE, ...listed.filter(({ level }) => level === 'gradient').map(({ name }) => name)],
    byzantine: [1, 2, 3],
    peers: 8,
    partition: 'iid',
    rounds: 40,
    batch: 20,
    optimizer: 'sgd',
    lr: 0.2,
    'evaluate-every': 10
  }
}

/** For each rule and attack what it comes to without it, the most hostile peers that it survives, and where it breaks first. */
export function quickSummary(rows: readonly Row[]): string {
  const groups = groupsOf(rows.filter(isFinished))
  const lines = groups.flatMap(({ name, rows: all }) =>
    [...groupBy(all, defenceOf)].flatMap(([defence, own]) => {
      const attacked = groupBy(
        own.filter(({ attack }) => attack !== NONE),
        ({ attack }) => attack
      )
      const who = groups.length === 1 ? defence : `${defence} (${name})`
      return [...attacked].map(([attack, cells]) => survival(who, attack, cells, own))
    })
  )
  const note = `Survives: the last evaluation has ${percent(SURVIVES)} of what the same run has without an attack, which must be better than chance.`
  const refused = rows.flatMap((row) => {
    if (row.status === 'stopped') return [`${row.name}: not run to its end; the same command goes on with it`]
    return row.status === 'finished' ? [] : [`${row.name}: ${row.status}: ${row.reason}`]
  })
  const heads = ['rule', 'attack', 'without it', 'survives f up to', 'breaks at']
  return [...table(heads, lines), '', `  ${note}`, ...refused].join('\n')
}

function survival(
  defence: string,
  attack: string,
  cells: readonly FinishedRow[],
  own: readonly FinishedRow[]
): string[] {
  const unattacked = own.filter((row) => row.attack === NONE)
  let survived = 0
  const line = (breaks: string, upTo = String(survived)) => {
    return [defence, attack, percent(meanOf(unattacked, lastOf)), upTo, breaks]
  }
  const unknown = (why: string) => line(why, survived === 0 ? '–' : String(survived))
  const byF = [...groupBy(cells, ({ byzantine }) => String(byzantine))].sort(([a], [b]) => Number(a) - Number(b))
  for (const [f, runs] of byF) {
    const honest = meanOf(
      unattacked.filter((row) => String(row.byzantine) === f),
      lastOf
    )
    if (honest === null) {
      const why = `f = ${f} has no run without an attack that ended; add none to --attacks where it is missing`
      return unknown(`not known: ${why}`)
    }
    const broken = runs.find(({ standing }) => !standing.held)
    const chance = meanOf(runs, chanceOf)
    if (broken === undefined && chance !== null && honest < chance + TRAINS * (1 - chance)) {
      return unknown(
        `f = ${f}: does not train, ${percent(honest)} without an attack, where guessing has ${percent(chance)}`
      )
    }
    if (broken !== undefined) {
      const [why] = (broken.standing.why ?? '').split('\n')
      return line(`f = ${f}, round ${broken.rounds}: ${why}`)
    }
    const last = meanOf(runs, lastOf)
    if (last === null || last < SURVIVES * honest) return line(`f = ${f}, ${percent(last)} of ${percent(honest)}`)
    survived = Number(f)
  }
  return line('–')
}

function lastOf({ last }: FinishedRow): number | null {
  return last
}

function chanceOf({ chance }: FinishedRow): number | null {
  return chance ?? null
}
