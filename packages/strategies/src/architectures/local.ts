import type { Strategy, StrategyFactory } from '@peergrad/core'
import { checkNames } from '../plugin-options.js'
import { WORK, workOf } from './work.js'

/** One peer, no exchange: the baseline that every synchronous strategy equals when it runs with one peer. */
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
