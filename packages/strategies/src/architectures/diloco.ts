import type { Strategy, StrategyFactory } from '@peergrad/core'
import { checkNames, integerOption, numberOption } from '../plugin-options.js'
import { everybodyReads, readAll } from './all-gather.js'
import { localSteps } from './local-steps.js'

/**
 * DiLoCo (Douillard et al., 2023, arXiv 2311.08105, algorithm 1): every peer makes H steps of the run's optimiser by
 * itself, and the mean of how far they came is the gradient of an outer Nesterov step:
 *
 *     Δ = mean(Θ − Θ_i)      Θ ← OuterOpt(Θ, Δ)
 *
 * @param options every: H, from 1, default 20 (the paper 500); minibatches: of one inner step; lr 0.7 and momentum 0.9 of
 *   the outer step
 */
export const diloco: StrategyFactory = (options): Strategy => {
  checkNames('diloco', options, ['every', 'minibatches', 'lr', 'momentum'])
  const steps = integerOption('diloco', options, 'every', { fallback: 20, min: 1 })
  const minibatches = steps * integerOption('diloco', options, 'minibatches', { fallback: 1, min: 1 })
  const learningRate = numberOption('diloco', options, 'lr', { fallback: 0.7, above: 0 })
  const momentum = numberOption('diloco', options, 'momentum', { fallback: 0.9, min: 0, below: 1 })
  return {
    name: 'diloco',
    describe: 'every peer makes many steps by itself; the mean distance is the gradient of an outer Nesterov step',
    minibatches,
    steps,
    outer: { name: 'nesterov', learningRate, momentum },
    kind: 'exchange',
    traffic: everybodyReads,
    round: (context) => readAll(context, () => localSteps(context, steps))
  }
}
