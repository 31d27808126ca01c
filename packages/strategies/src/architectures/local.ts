import type { Strategy, StrategyFactory } from '@peergrad/core'
import { checkNames } from '../plugin-options.js'
import { WORK, workOf } from './work.js'

/**
 * One peer, no exchange: the baseline that every synchronous strategy without an outer optimiser of its own equals when it runs
 * with one peer, to the bit. `gossip` with `every` above 1 does so but for rounding: it goes on with the model Θ_k as it is, where
 * the others go a distance and back, Θ − (Θ − Θ_k), see `workOf`.
 */
export const local: StrategyFactory = (options): Strategy => {
  checkNames('local', options, WORK)
  const { give, ...work } = workOf('local', options)
  return {
    name: 'local',
    describe: 'one peer by itself, the baseline',
    ...work,
    kind: 'single',
    traffic: () => ({ sent: 0, received: 0 }),
    async round(context) {
      const { key } = await context.contribute(() => give(context))
      return key
    }
  }
}
