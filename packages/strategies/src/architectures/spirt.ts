import type { Strategy, StrategyFactory } from '@peergrad/core'
import { checkNames, integerOption } from '../plugin-options.js'
import { everybodyReads, readAll } from './all-gather.js'
import { averagedGradients } from './averaged-gradients.js'

/**
 * SPIRT (Barrak et al., IEEE QRS 2023, arXiv 2309.14148): every peer computes the gradients of its M minibatches in
 * parallel at the same Θ, averages them in its own database, reads the averages of all others from theirs, and
 * aggregates with the run's rule:
 *
 *     g_i = (1/M) Σ_b ∇L_b(Θ)      g = Agg({g_j : j active})      Θ ← Θ − η g
 *
 * @param options minibatches: M, gradients accumulated at fixed Θ in one synchronisation, from 1
 */
export const spirt: StrategyFactory = (options): Strategy => {
  checkNames('spirt', options, ['minibatches'])
  const minibatches = integerOption('spirt', options, 'minibatches', { fallback: 1, min: 1 })
  return {
    name: 'spirt',
    describe: 'every peer averages its minibatches in its own database and reads the averages of all others',
    minibatches,
    kind: 'exchange',
    traffic: everybodyReads,
    round: (context) => readAll(context, averagedGradients)
  }
}
