import type { CraftInput, GradientAttack } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'
import { maximise, searchOf, SEARCH } from './line-search.js'
import { along, deviationOf, meanOf } from './moments.js'
import { normalQuantile } from './normal-quantile.js'

/**
 * A little is enough, μ + τ·σ in each coordinate (Baruch et al., NeurIPS 2019): inside the spread of the honest vectors,
 * so that no distance gives it away. With one honest vector σ is 0, and it is that vector.
 *
 * @param options tau: 1.5 unless given, of either sign; `auto`: the largest that the authors' majority argument allows,
 *   Φ⁻¹((n − f − s)/(n − f)) with s = ⌊n/2 + 1⌋ − f
 */
export function alie(options: PluginOptions): GradientAttack {
  checkNames('alie', options, ['tau'])
  const fixed = options['tau'] === 'auto' ? undefined : numberOption('alie', options, 'tau', { fallback: 1.5 })
  return {
    name: 'alie',
    describe: 'a little is enough: μ + tau·σ (1.5; tau=auto: from n and f) of the honest vectors (Baruch et al. 2019)',
    holds: 'a robust rule with f declared loses some accuracy and does not collapse',
    level: 'gradient',
    knows: ['honest'],
    craft(input) {
      const mean = meanOf(input.honest)
      along({ base: mean, direction: deviationOf(input.honest, mean) }, fixed ?? largestShift(input), input.out)
    }
  }
}

/**
 * ALIE with the τ ≥ 0 that takes the run's own rule furthest from the honest mean, as ByzFL's Optimal_ALittleIsEnough. Costs
 * `evals` runs of the rule a round, or of `reach`, where there is one.
 *
 * @param options those of the line search
 */
export function optimalAlie(options: PluginOptions): GradientAttack {
  checkNames('optimal-alie', options, SEARCH)
  const search = searchOf('optimal-alie', options)
  return {
    name: 'optimal-alie',
    describe: "ALIE whose tau is searched each round against the run's own rule (ByzFL: 20 evaluations)",
    holds: "accuracy stays near that of a run without attack while the rule's condition on (n, f) holds",
    level: 'gradient',
    knows: ['honest', 'defence'],
    craft(input) {
      const mean = meanOf(input.honest)
      return maximise('optimal-alie', search, input, mean, { base: mean, direction: deviationOf(input.honest, mean) })
    }
  }
}

function largestShift({ n, f }: Pick<CraftInput, 'n' | 'f'>): number {
  const supporters = Math.floor(n / 2 + 1) - f
  const share = (n - f - supporters) / (n - f)
  // no supporter is needed where the hostile are a majority: as far as there is a quantile
  return share > 0 ? normalQuantile(Math.min(share, 1 - 1e-9)) : 0
}
