import {
  ofPlugin,
  pluginError,
  random,
  type Attack,
  type AttackContext,
  type Disguise,
  type GradientAttack
} from '@peergrad/core'
import { crafting } from './crafting.js'

/** What a peer is disguised as that plays this attack. What the attack throws names it, and not the part that it stands in. */
export function disguiseOf(attack: Attack, context: AttackContext): Disguise {
  const who = `attack ${attack.name}`
  switch (attack.level) {
    case 'data':
      return {
        dataset: (honest, { seed }) => ofPlugin(who, () => attack.corrupt(honest, random(seed, 'attack', attack.name)))
      }
    case 'gradient':
      return crafting({ knows: attack.knows, craft: namedCraft(who, attack) }, context)
    case 'payload':
    case 'protocol':
      return ofPlugin(who, () => attack.arm(context))
  }
}

function namedCraft(who: string, attack: GradientAttack): GradientAttack['craft'] {
  return async (input) => {
    try {
      await attack.craft(input)
    } catch (thrown) {
      throw pluginError(who, thrown)
    }
  }
}
