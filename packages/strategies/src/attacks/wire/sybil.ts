import type { WireAttack } from '@peergrad/core'
import { checkNames, integerOption, type PluginOptions } from '../../plugin-options.js'
import { crafting } from '../disguise/crafting.js'
import { signFlip } from '../sign-flip.js'

/**
 * One process that joins as several peers (Douceur, IPTPS 2002, "The Sybil attack"), all of which turn the honest mean around:
 * they count as many as they are for every rule.
 *
 * @param options identities: 4 unless given; factor: of `sign-flip`, 1
 */
export function sybil(options: PluginOptions): WireAttack {
  checkNames('sybil', options, ['identities', 'factor'])
  const identities = integerOption('sybil', options, 'identities', { fallback: 4, min: 2, max: 64 })
  const flip = signFlip('factor' in options ? { factor: options['factor'] } : {})
  return {
    name: 'sybil',
    describe:
      'joins as several peers (identities, 4), which all give −factor·μ (1) of the honest vectors (Douceur 2002)',
    holds:
      'an open run is theirs once they are too many for its rule; with --admission none comes in that was not admitted',
    level: 'protocol',
    knows: ['honest'],
    identities,
    arm: (context) => crafting(flip, context)
  }
}
