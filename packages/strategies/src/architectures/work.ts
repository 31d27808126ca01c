import type { OptimiserSpec, RoundContext } from '@peergrad/core'
import { integerOption, type PluginOptions } from '../plugin-options.js'
import { averagedGradients, type Given } from './averaged-gradients.js'
import { localSteps } from './local-steps.js'

/** What a peer does between two synchronisations. */
export interface Work {
  /** minibatches of a round */
  readonly minibatches: number
  /** optimiser steps of a round */
  readonly steps: number
  /** left out when gradients are exchanged */
  readonly outer?: OptimiserSpec
  give(context: RoundContext): Promise<Given>
}

/** A step of this size is the mean of the models. */
const MODEL_AVERAGING: OptimiserSpec = { name: 'sgd', learningRate: 1 }

/**
 * The work that the options of a strategy say.
 *
 * - `minibatches`: M, gradients accumulated at fixed parameters for one optimiser step, from 1
 * - `every`: k, optimiser steps between two synchronisations. With 1 the gradients are exchanged (LambdaML's GA-SGD); with
 *   more each peer steps by itself and the models are averaged (MA-SGD): Θ ← Θ − mean(Θ − Θ_k)
 *
 * With `ownSteps` peers step by themselves for k = 1 too.
 */
export function workOf(plugin: string, options: PluginOptions, { ownSteps = false } = {}): Work {
  const minibatches = integerOption(plugin, options, 'minibatches', { fallback: 1, min: 1 })
  const every = integerOption(plugin, options, 'every', { fallback: 1, min: 1 })
  if (every === 1 && !ownSteps) return { minibatches, steps: 1, give: (context) => averagedGradients(context) }
  return {
    minibatches: minibatches * every,
    steps: every,
    outer: MODEL_AVERAGING,
    give: (context) => localSteps(context, every)
  }
}

/** Options that `workOf` reads. */
export const WORK = ['minibatches', 'every'] as const
