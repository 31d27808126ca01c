import type { GradientAttack } from '@peergrad/core'
import { checkNames, choiceOption, numberOption, type PluginOptions } from '../plugin-options.js'
import { along, meanOf } from './moments.js'

/**
 * −factor·μ, the honest mean turned around (Allen-Zhu et al., ICLR 2021); with `of=own,factor=10` what SPIRT's experiments
 * send, −10 times the own gradient (Barrak et al., 2024).
 *
 * @param options factor: 1 unless given; of: mean (of the honest vectors) or own
 */
export function signFlip(options: PluginOptions): GradientAttack {
  checkNames('sign-flip', options, ['factor', 'of'])
  const factor = numberOption('sign-flip', options, 'factor', { fallback: 1, above: 0 })
  const of = choiceOption('sign-flip', options, 'of', ['mean', 'own'])
  return {
    name: 'sign-flip',
    describe: 'gives the honest mean turned around, −factor·μ (Allen-Zhu et al. 2021); of=own: its own gradient',
    holds: 'a robust rule with f declared goes on to descend, where the mean stops or climbs',
    level: 'gradient',
    knows: of === 'own' ? ['own'] : ['honest'],
    craft: ({ own, honest, out }) => along({ direction: meanOf(of === 'own' ? [own] : honest) }, -factor, out)
  }
}
