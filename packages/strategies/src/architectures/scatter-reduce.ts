import { indexBytes, layoutLength, spanOf, type Part, type Strategy, type StrategyFactory } from '@peergrad/core'
import { checkNames } from '../plugin-options.js'
import { WORK, workOf } from './work.js'

/**
 * ScatterReduce of LambdaML (Jiang et al., SIGMOD 2021, arXiv 2105.07806): the vector is cut into n parts, the owner of
 * part i reads it from everybody, merges it and hands it to all, and everybody puts the merged parts together. The
 * published code waits for every owner without a time-out; here another contributor takes over the part of one that is
 * lost. Where there are more peers than floats, the last ones own no part.
 *
 * @param options those of `workOf`
 */
export const scatterReduce: StrategyFactory = (options): Strategy => {
  checkNames('scatter-reduce', options, WORK)
  const { give, ...work } = workOf('scatter-reduce', options)
  return {
    name: 'scatter-reduce',
    describe: 'the vector is cut into a part for each peer, which reads it from all, merges it and hands it to all',
    ...work,
    kind: 'exchange',
    refuses({ aggregator, preAggregators: [first] }) {
      if (first !== undefined)
        return `parts of vectors are merged, and ${first.name} needs whole ones; leave it out, or take another strategy`
      return aggregator.perCoordinate === true
        ? undefined
        : `the rule sees parts of vectors, and ${aggregator.name} needs whole ones; take one per coordinate (mean, median), or another strategy`
    },
    traffic,
    async round(context) {
      const of = Math.min(context.view.members.length, layoutLength(context.engine.layout))
      await context.contribute(() => give(context), of)
      const manifests = await context.agreed()
      const merge = async (part: Part): Promise<string> => {
        const merged = context.key(labelOf(part))
        await context.aggregate(await context.fetch(manifests, part), manifests, merged, part)
        return context.publish(labelOf(part), merged, part)
      }
      const parts = await Promise.all(
        Array.from({ length: of }, (_, index) => {
          const part = { index, of }
          const owner = context.role(index)
          return owner === context.self ? merge(part) : context.receive(labelOf(part), owner, part)
        })
      )
      if (parts.length === 1) return parts[0]
      const whole = context.key('merged')
      await context.measure('aggregate', () => context.store.join({ from: parts, to: whole }))
      return whole
    }
  }
}

function labelOf({ index }: Part): string {
  return `part.${index}`
}

/** The other parts to their owners and the own one from all, then the other way round; and of each vector's index what lists a part. */
function traffic({ peers, rank, bytes }: { peers: number; rank: number; bytes: number }) {
  const own = 4 * spanOf(bytes / 4, { index: rank, of: peers }).length
  const parts = bytes - own + (peers - 1) * own
  const of = Math.min(peers, bytes / 4)
  const listed = Array.from({ length: peers }, (_, index) => (of > 1 && index < of ? indexBytes({ index, of }) : 0))
  const all = listed.reduce((sum, each) => sum + each, 0)
  return { sent: parts + all - listed[rank], received: parts + (peers - 1) * listed[rank] }
}
