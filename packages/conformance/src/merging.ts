import { filterOf, loadPlugin, replace, resolvePlugin, type Disguise, type Strategy } from '@peergrad/core'
import { aggregators, codecs, filters } from '@peergrad/strategies'
import { MANIFEST } from './simulation/simulation.js'

/** Its gradients are twice what they were. */
export const altered: Disguise = {
  engine: (honest) =>
    replace(honest, {
      async gradient(init) {
        const done = await honest.gradient(init)
        init.into.forEach((value, i) => (init.into[i] = 2 * value))
        return done
      }
    })
}

/** Whether it has its vectors merged by the run's rule, and would by the median. */
export async function medianFits(strategy: Strategy): Promise<boolean> {
  if (strategy.combines === true) return false
  const aggregator = await loadPlugin('aggregator', resolvePlugin(aggregators, 'median'))
  const codec = await loadPlugin('codec', resolvePlugin(codecs, MANIFEST.codec))
  const name = filterOf(strategy, codec, MANIFEST)
  const filter = name === undefined ? undefined : await loadPlugin('filter', resolvePlugin(filters, name))
  return strategy.refuses?.({ aggregator, preAggregators: [], codec, filter }) === undefined
}
