import assert from 'node:assert/strict'
import { KNOWLEDGE, type Attack, type DataAttack, type GradientAttack } from '@peergrad/core'
import { assertNamed } from '../arrays.js'
import { examine, judge, members, type CheckOptions, type Law, type Report, type Subject } from '../law.js'
import { corruptLaws } from './corrupt.js'
import { craftLaws } from './craft.js'
import { playLaws } from './play.js'

export interface AttackProperties {
  /** milliseconds that one craft may take; 10,000 unless given */
  readonly patience?: number
}

/** The laws of an attack, by its level. Rejects with a report of those that do not hold. */
export async function checkAttack(
  subject: Subject<'attack'>,
  { options, stuckAfter, ...properties }: AttackProperties & CheckOptions = {}
): Promise<Report> {
  const { who, create, watch } = await examine('attack', subject, { options, stuckAfter })
  // one without its members is of no level
  await judge(who, [members(create)], watch)
  return judge(who, [members(create), ...attackLaws(create, properties)], watch)
}

/** The laws one by one, for a test runner to show. `create` makes a fresh attack. */
export function attackLaws(create: () => Attack, { patience = 10_000 }: AttackProperties = {}): Law[] {
  return [facts(create), ...lawsOfLevel(create, patience)]
}

function lawsOfLevel(create: () => Attack, patience: number): Law[] {
  const attack = create()
  switch (attack.level) {
    case 'data':
      return corruptLaws(() => create() as DataAttack)
    case 'gradient':
      return [...craftLaws(() => create() as GradientAttack, patience), ...playLaws(create)]
    case 'payload':
    case 'protocol':
      // what lies below the mesh needs a real network
      return attack.transport === undefined ? playLaws(create) : []
  }
}

function facts(create: () => Attack): Law {
  return {
    name: 'says its name, what it is, what must hold, and what it must be told',
    prove() {
      const { name, describe, holds, knows } = create()
      assertNamed({ name, describe })
      assert.ok(holds.length > 10, `got "${holds}" to hold, expected a sentence`)
      const strange = knows.find((word, at) => !KNOWLEDGE.includes(word) || knows.indexOf(word) < at)
      assert.equal(strange, undefined, `it must be told "${strange}", expected each of ${KNOWLEDGE.join(', ')} once`)
    }
  }
}
