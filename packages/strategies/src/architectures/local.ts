import type { Strategy, StrategyFactory } from '@peergrad/core'
import { minibatchesOption } from '../plugin-options.js'
import { averagedGradients } from './averaged-gradients.js'

/** One peer, no exchange: the baseline that every synchronous strategy equals when it runs with one peer. */
export const local: StrategyFactory = (options): Strategy => {
  const minibatches = minibatchesOption('local', options)
  return {
    name: 'local',
    describe: 'one peer by itself, the baseline',
    minibatches,
    kind: 'single',
    traffic: () => ({ sent: 0, received: 0 }),
    async round(context) {
      const { key } = await context.contribute(() => averagedGradients(context))
      return key
    }
  }
}
