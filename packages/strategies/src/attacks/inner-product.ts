import type { GradientAttack } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'
import { maximise, searchOf, SEARCH } from './line-search.js'
import { along, meanOf } from './moments.js'

/**
 * Inner product manipulation, −τ·μ (Xie, Koyejo and Gupta, "Fall of Empires", UAI 2019, in PMLR 115 of 2020): with a large τ
 * the mean goes backwards, with a small one distances tell nothing.
 *
 * @param options tau: 2 unless given; 0.1 is the stealthy one
 */
export function ipm(options: PluginOptions): GradientAttack {
  checkNames('ipm', options, ['tau'])
  const tau = numberOption('ipm', options, 'tau', { fallback: 2 })
  return {
    name: 'ipm',
    describe: 'inner product manipulation: −tau·μ (2) of the honest mean (Xie, Koyejo and Gupta 2019)',
    holds: 'the step of a robust rule with f declared keeps a positive inner product with the honest mean',
    level: 'gradient',
    knows: ['honest'],
    craft: ({ honest, out }) => along({ direction: meanOf(honest) }, -tau, out)
  }
}

/**
 * IPM with the τ ≥ 0 that takes the run's own rule furthest from the honest mean, as ByzFL's
 * Optimal_InnerProductManipulation. Costs `evals` runs of the rule a round, or of `reach`, where there is one.
 *
 * @param options those of the line search
 */
export function optimalIpm(options: PluginOptions): GradientAttack {
  checkNames('optimal-ipm', options, SEARCH)
  const search = searchOf('optimal-ipm', options)
  return {
    name: 'optimal-ipm',
    describe: "IPM whose tau is searched each round against the run's own rule (ByzFL: 20 evaluations)",
    holds: "accuracy stays near that of a run without attack while the rule's condition on (n, f) holds",
    level: 'gradient',
    knows: ['honest', 'defence'],
    craft(input) {
      const mean = meanOf(input.honest)
      return maximise('optimal-ipm', search, input, mean, { direction: mean.map((value) => -value) })
    }
  }
}
