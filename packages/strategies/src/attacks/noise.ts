import type { GradientAttack } from '@peergrad/core'
import { booleanOption, checkNames, numberOption, type PluginOptions } from '../plugin-options.js'

/**
 * Normal noise N(0, σ²) in the place of the gradient (Blanchard et al., NeurIPS 2017, section 5), or on top of it. Accomplices give
 * the same noise in a round, as in ByzFL: it does not average out among them.
 *
 * @param options sigma: 200 unless given, as there; additive: false unless given
 */
export function gaussian(options: PluginOptions): GradientAttack {
  checkNames('gaussian', options, ['sigma', 'additive'])
  const sigma = numberOption('gaussian', options, 'sigma', { fallback: 200, min: 0 })
  const additive = booleanOption('gaussian', options, 'additive', false)
  return {
    name: 'gaussian',
    describe:
      'gives normal noise of deviation sigma (200); additive=true: on top of its gradient (Blanchard et al. 2017)',
    holds: 'a robust rule with f declared trains as without attack, where the mean does not train at all',
    level: 'gradient',
    knows: additive ? ['own'] : [],
    craft({ own, out, random }) {
      for (let i = 0; i < out.length; i++) out[i] = (additive ? own[i] : 0) + sigma * random.normal()
    }
  }
}

/**
 * Gives what the run made of the round before, with a little noise, and nothing that it computed (Lin et al., 2019,
 * arXiv 1911.12560). Zeros in the first round.
 *
 * @param options sigma: of the noise, in the mean magnitude of what is copied; 0.01 unless given
 */
export function freeRider(options: PluginOptions): GradientAttack {
  checkNames('free-rider', options, ['sigma'])
  const sigma = numberOption('free-rider', options, 'sigma', { fallback: 0.01, min: 0 })
  return {
    name: 'free-rider',
    describe:
      "gives the run's last update with a little noise (sigma, 0.01 of its size) in the place of its gradient (Lin et al. 2019)",
    holds:
      'the run converges: a copy of the last update is momentum; what is lost is the free rider’s share of the data',
    level: 'gradient',
    knows: ['last'],
    craft({ last, out, random }) {
      if (last === undefined) return void out.fill(0)
      let size = 0
      for (let i = 0; i < last.length; i++) size += Math.abs(last[i]) / last.length
      for (let i = 0; i < out.length; i++) out[i] = last[i] + sigma * size * random.normal()
    }
  }
}
