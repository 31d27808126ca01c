import { table } from '../output/table.js'
import { percent } from '../output/units.js'
import { NONE } from './cells.js'
import type { Settings } from './axes.js'
import { groupBy, groupsOf, meanOf } from './groups.js'
import { listAttacks } from './list.js'
import { defenceOf, isFinished, type FinishedRow, type Row } from './row.js'

/** A run survives an attack that leaves it so much of the accuracy that it has without one. */
const SURVIVES = 0.9

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

/** For each rule and attack the most hostile peers that it survives, and where it breaks first. */
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
  const note = `Survives: the last evaluation has ${percent(SURVIVES)} of what the same run has without an attack.`
  const refused = rows.flatMap((row) =>
    row.status === 'refused' || row.status === 'failed' ? [`${row.name}: ${row.status}: ${row.reason}`] : []
  )
  return [...table(['rule', 'attack', 'survives f up to', 'breaks at'], lines), '', `  ${note}`, ...refused].join('\n')
}

function survival(
  defence: string,
  attack: string,
  cells: readonly FinishedRow[],
  own: readonly FinishedRow[]
): string[] {
  let survived = 0
  const byF = [...groupBy(cells, ({ byzantine }) => String(byzantine))].sort(([a], [b]) => Number(a) - Number(b))
  for (const [f, runs] of byF) {
    const honest = meanOf(
      own.filter((row) => row.attack === NONE && String(row.byzantine) === f),
      lastOf
    )
    if (honest === null) {
      const why = `f = ${f} has no run without an attack that ended; add none to --attacks where it is missing`
      return [defence, attack, survived === 0 ? '–' : String(survived), `not known: ${why}`]
    }
    const broken = runs.find(({ standing }) => !standing.held)
    if (broken !== undefined) {
      const [why] = (broken.standing.why ?? '').split('\n')
      return [defence, attack, String(survived), `f = ${f}, round ${broken.rounds}: ${why}`]
    }
    const last = meanOf(runs, lastOf)
    if (last === null || last < SURVIVES * honest)
      return [defence, attack, String(survived), `f = ${f}, ${percent(last)} of ${percent(honest)}`]
    survived = Number(f)
  }
  return [defence, attack, String(survived), '–']
}

function lastOf({ last }: FinishedRow): number | null {
  return last
}
