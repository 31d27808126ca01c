import type { RoundContext, Strategy, StrategyFactory } from '@peergrad/core'
import { checkNames } from '../plugin-options.js'
import type { Given } from './averaged-gradients.js'
import { WORK, workOf } from './work.js'

/**
 * The exchange of the GPU baseline (Barrak et al., arXiv 2509.14920): everybody gives its gradient, reads those of all
 * others and merges them by itself, with no leader.
 *
 * @param options those of `workOf`
 */
export const allGather: StrategyFactory = (options): Strategy => {
  checkNames('all-gather', options, WORK)
  const { give, ...work } = workOf('all-gather', options)
  return {
    name: 'all-gather',
    describe: 'everybody reads everybody and merges by itself, the exchange of the GPU baseline',
    ...work,
    kind: 'exchange',
    traffic: everybodyReads,
    round: (context) => readAll(context, give)
  }
}

/** (n − 1)·G each way. */
export function everybodyReads({ peers, bytes }: { peers: number; bytes: number }) {
  return { sent: (peers - 1) * bytes, received: (peers - 1) * bytes }
}

/** Gives what `give` makes, reads what the others gave, and merges all of it here. */
export async function readAll(context: RoundContext, give: (context: RoundContext) => Promise<Given>): Promise<string> {
  await context.contribute(() => give(context))
  const manifests = await context.agreed()
  const keys = await context.fetch(manifests)
  const aggregated = context.key('aggregated')
  await context.aggregate(keys, manifests, aggregated)
  return aggregated
}
