import { MEDIAN_INPUTS, type AggregationInput, type Vector } from '@peergrad/core'
import { between } from '../declared.js'
import { choiceOption, type PluginOptions } from '../plugin-options.js'

/** Where a rule that moves step by step begins: at the median of each coordinate, or at zero. */
export type Start = 'median' | 'zero'

/** Option `from`. */
export function startOption(plugin: string, options: PluginOptions): Start {
  return choiceOption(plugin, options, 'from', ['median', 'zero'])
}

/** The median is of a bounded number of inputs. */
export function startable(n: number, start: Start): string | undefined {
  return between(n, 1, start === 'median' ? MEDIAN_INPUTS : Infinity, 'expected inputs')
}

export function begin(start: Start, into: Vector, { vectors, kernels }: AggregationInput): void {
  if (start === 'median') kernels.median(into, vectors)
  else kernels.fill(into, 0)
}
