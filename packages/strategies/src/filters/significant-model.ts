import { significantPart, type Filter } from '@peergrad/core'
import { checkNames, numberOption, type PluginOptions } from '../plugin-options.js'
import { ratio } from './significant.js'

/**
 * The significance filter for the whole model, all or nothing (Barrak et al., draft of 2024): what has accumulated is sent
 * when η·‖Σ g‖ / ‖x‖ > v. The draft adds up this ratio over the rounds, so that what waits for long counts several times;
 * here the sum is looked at as it is.
 *
 * @param options v: from 0, default 0.01
 */
export function significantModel(options: PluginOptions): Filter {
  checkNames('significant-model', options, ['v'])
  const v = numberOption('significant-model', options, 'v', { fallback: 0.01, min: 0 })
  const significance = ({ learningRate }: { learningRate: number }) =>
    ({ of: 'model', threshold: ratio(v, learningRate) }) as const
  return {
    name: 'significant-model',
    describe: 'sends everything when what accumulated is more than v (0.01) of the model, else nothing (MLLess)',
    significance,
    apply: ({ learningRate, ...input }) => significantPart(significance({ learningRate }), input)
  }
}
