import type { Strategy, StrategyFactory } from '@peergrad/core'
import { checkNames } from '../plugin-options.js'
import { WORK, workOf } from './work.js'

/**
 * AllReduce of LambdaML (Jiang et al., SIGMOD 2021, arXiv 2105.07806): every peer gives its gradient to the
 * aggregator, which merges them and hands the merged vector to all. The published code returns the sum where the mean
 * is meant and waits for the aggregator without a time-out; here the run's rule decides, and another peer takes the
 * role over when its carrier is lost.
 *
 * @param options those of `workOf`
 */
export const allReduce: StrategyFactory = (options): Strategy => {
  checkNames('all-reduce', options, WORK)
  const { give, ...work } = workOf('all-reduce', options)
  return {
    name: 'all-reduce',
    describe: 'one peer, the aggregator, reads all gradients, merges them and hands the merged one to all',
    ...work,
    kind: 'exchange',
    traffic: ({ peers, rank, bytes }) => {
      const others = rank === 0 ? peers - 1 : 1
      return { sent: others * bytes, received: others * bytes }
    },
    async round(context) {
      await context.contribute(() => give(context))
      const manifests = await context.agreed()
      const aggregator = context.role(0)
      if (context.self !== aggregator) return context.receive('merged', aggregator)
      const merged = context.key('merged')
      await context.aggregate(await context.fetch(manifests), manifests, merged)
      return context.publish('merged', merged)
    }
  }
}
