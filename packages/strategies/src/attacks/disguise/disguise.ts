import { random, type Attack, type AttackContext, type Disguise } from '@peergrad/core'
import { crafting } from './crafting.js'

/** What a peer is disguised as that plays this attack. */
export function disguiseOf(attack: Attack, context: AttackContext): Disguise {
  switch (attack.level) {
    case 'data':
      return { dataset: (honest, { seed }) => attack.corrupt(honest, random(seed, 'attack', attack.name)) }
    case 'gradient':
      return crafting(attack, context)
    case 'payload':
    case 'protocol':
      return attack.arm(context)
  }
}
