import { PeergradError, type GradientAttack } from '@peergrad/core'
import { checkNames, integerOption, type PluginOptions } from '../plugin-options.js'

/**
 * Copies one honest vector, always of the same peer, as ByzFL does: harmless where all have the same data, and where they do not,
 * that peer's data count f + 1 times. The attack of Karimireddy et al. (ICLR 2022, section 3.2) looks for the peer whose vectors
 * lie furthest along a direction of large variance; here the user chooses.
 *
 * @param options epsilon: which one, by rank among the honest, from 0; the last that is in time where that one is late
 */
export function mimic(options: PluginOptions): GradientAttack {
  checkNames('mimic', options, ['epsilon'])
  const epsilon = integerOption('mimic', options, 'epsilon', { fallback: 0, min: 0 })
  return {
    name: 'mimic',
    describe:
      'gives a copy of the vector of one honest peer (epsilon, 0) to make it count more (Karimireddy et al. 2022)',
    holds: 'with iid data nothing changes; with uneven data bucketing or NNM before the rule keeps all classes learnt',
    level: 'gradient',
    knows: ['honest'],
    craft({ honest, out, n, f }) {
      if (epsilon >= n - f) {
        throw new PeergradError('argument', `mimic.epsilon: got ${epsilon}, expected less than ${n - f} honest peers`)
      }
      out.set(honest[Math.min(epsilon, honest.length - 1)])
    }
  }
}
