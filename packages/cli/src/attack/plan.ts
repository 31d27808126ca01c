import {
  checkNumber,
  loadPlugin,
  PeergradError,
  resolvePlugin,
  suggestion,
  type Attack,
  type AttackSchedule,
  type PeerId
} from '@peergrad/core'
import { attacks } from './registry.js'

/** What a peer of an attack run is told by its flags. */
export interface AttackPlan {
  readonly attack: Attack
  readonly schedule: AttackSchedule
  readonly accomplices: readonly PeerId[]
}

export const ALWAYS: AttackSchedule = { start: 0, stop: Infinity, every: 1, targets: [] }

/** The plan of these flags; undefined for an honest peer. Errors: those of the attack, `argument` for a schedule. */
export async function attackPlan(flags: {
  readonly attack?: unknown
  readonly 'attack-schedule'?: unknown
  readonly accomplices?: unknown
}): Promise<AttackPlan | undefined> {
  const { attack, 'attack-schedule': schedule, accomplices } = flags
  if (typeof attack !== 'string') {
    const [word] = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [name]))
    if (word === undefined) return undefined
    throw new PeergradError('argument', `--${word}: got no --attack, which it is for; add that or leave it out`)
  }
  const loaded = await loadPlugin('attack', resolvePlugin(attacks, attack))
  return {
    attack: loaded,
    schedule: typeof schedule === 'string' ? scheduleOf(loaded, schedule) : ALWAYS,
    accomplices: typeof accomplices === 'string' ? words(accomplices, ',') : []
  }
}

/** Peers that a hostile process is. */
export function identitiesOf(attack: Attack): number {
  return ('identities' in attack ? attack.identities : undefined) ?? 1
}

/** When an attack plays. Errors: `argument` for one on data, which are what they are from the first round on. */
export function scheduleOf(attack: Attack, text: string): AttackSchedule {
  if (attack.level !== 'data') return parseAttackSchedule(text)
  const message = `--attack-schedule: got "${text}" with ${attack.name}, which has other data from the first round to the last; leave it out`
  throw new PeergradError('argument', message)
}

/** `start=10,stop=50,every=2,targets=ID+ID`; what is left out is always, and everybody. */
export function parseAttackSchedule(text: string): AttackSchedule {
  const values: Record<string, string> = {}
  const known = Object.keys(ALWAYS)
  for (const pair of words(text, ',')) {
    const [name = '', value = ''] = pair.split('=')
    if (!known.includes(name)) {
      const expected = `${suggestion(name, known)}expected ${known.join(', ')}`
      throw new PeergradError('unknown', `--attack-schedule: got "${name}", ${expected}, as in start=10,stop=50`)
    }
    values[name] = value
  }
  const round = (name: 'start' | 'stop' | 'every', min: number) =>
    values[name] === undefined ? ALWAYS[name] : checkNumber(`attack-schedule.${name}`, values[name], { min }, true)
  const [start, stop] = [round('start', 0), round('stop', 0)]
  if (stop <= start) {
    const message = `--attack-schedule: got "${text}", in which no round is; expected a stop after the start`
    throw new PeergradError('argument', message)
  }
  return {
    start,
    stop,
    every: round('every', 1),
    targets: words(values['targets'] ?? '', '+')
  }
}

function words(text: string, separator: string): readonly string[] {
  return text.split(separator).filter((word) => word !== '')
}
