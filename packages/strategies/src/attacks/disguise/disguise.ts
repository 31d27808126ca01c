import { ofPlugin, random, type Attack, type AttackContext, type Disguise } from '@peergrad/core'
import { crafting } from './crafting.js'
import { namedCraft } from './named-craft.js'

/** What a peer is disguised as that plays this attack. What the attack throws names it, and not the part that it stands in. */
export function disguiseOf(attack: Attack, context: AttackContext): Disguise {
  const who = `attack ${attack.name}`
  switch (attack.level) {
    case 'data':
      return {
        dataset: (honest, { seed }) => ofPlugin(who, () => attack.corrupt(honest, random(seed, 'attack', attack.name)))
      }
    case 'gradient':
      return crafting({ knows: attack.knows, craft: namedCraft(attack) }, context)
    case 'payload':
    case 'protocol':
      return ofPlugin(who, () => attack.arm(context))
  }
}
