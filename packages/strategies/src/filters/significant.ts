import { significantPart, type Filter } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'

/**
 * The significance filter of MLLess (Sanchez-Artigas and Gimenez Sarroca, Middleware 2021, doi 10.1145/3464298.3494884,
 * section 4.2), per parameter. With u = η_t·g, coordinate i of what has accumulated is sent when
 *
 *     |Σ u_i| / |x_i| > v/√t
 *
 * and always when x_i = 0, where the published code divides by zero. v = 0 sends every coordinate that is not zero: BSP.
 * In MLLess what is held back stays applied to the local model, so that the models drift apart; here it waits beside it
 * (error feedback), and all peers hold the same model.
 *
 * @param options v: from 0, default 0.7 as in the paper's runs
 */
export function significant(options: PluginOptions): Filter {
  checkNames('significant', options, ['v'])
  const v = numberOption('significant', options, 'v', { fallback: 0.7, min: 0 })
  const significance = ({ step, learningRate }: { step: number; learningRate: number }) =>
    ({ of: 'parameter', threshold: ratio(v / Math.sqrt(step), learningRate) }) as const
  return {
    name: 'significant',
    describe: 'sends a coordinate when what accumulated is more than v/√t (v 0.7) of its parameter (MLLess)',
    significance,
    apply: ({ step, learningRate, ...input }) => significantPart(significance({ step, learningRate }), input)
  }
}

/** The bound on a sum of gradients that stands for one on a sum of updates. */
export function ratio(bound: number, learningRate: number): number {
  return learningRate > 0 ? Math.min(bound / learningRate, 3e38) : 0
}
