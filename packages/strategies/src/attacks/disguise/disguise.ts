import {
  ofPlugin,
  PeergradError,
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
      throw crafted(who, thrown)
    }
  }
}

/** What was thrown while it crafted; what it says itself names it too, but not what the attacked rule says. */
function crafted(who: string, thrown: unknown): PeergradError {
  const error = pluginError(who, thrown)
  const { plugin, rule } = error.data
  if (error.code !== 'argument' || plugin !== undefined || rule !== undefined) return error
  return new PeergradError(error.code, `${who}: ${error.message}`, { ...error.data, plugin: who }, { cause: error })
}
