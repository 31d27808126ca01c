import {
  PeergradError,
  seedOf,
  suggestion,
  type RoundContext,
  type Strategy,
  type StrategyFactory
} from '@peergrad/core'
import { booleanOption, checkNames, integerOption, type PluginOptions } from '../plugin-options.js'
import { lateStep } from './late-step.js'
import { localSteps } from './local-steps.js'
import { metropolis, neighbours, TOPOLOGIES, type Topology } from './topology.js'

/**
 * D-PSGD (Lian et al., NeurIPS 2017, arXiv 1705.09056, algorithm 1): every peer has a model of its own, steps it, and
 * averages it with those of its neighbours in a topology, by Metropolis weights:
 *
 *     x_i ← Σ_j w_ij·(x_j − η·∇F(x_j))
 *
 * In the last round one peer averages all models and hands the average to all, so that the run ends with one.
 *
 * With `async` nobody waits for a step of a slow peer (AD-PSGD: Lian et al., ICML 2018, arXiv 1710.06952, algorithm 1): as
 * soon as half of the members have given their models, the others give theirs as they are, and average too; a gradient that
 * is still computed steps the model of a later round. So rounds come as fast as the faster half makes steps, and which round a
 * step counts in depends on time. In the paper pairs average by themselves; here the round's agreement says who took part.
 *
 * @param options topology: ring, torus, random (with degree, default 3) or full; every: steps between two exchanges, 1 with
 *   async; minibatches: of one step; async: true or false
 */
export const gossip: StrategyFactory = (options): Strategy => {
  checkNames('gossip', options, ['topology', 'degree', 'every', 'minibatches', 'async'])
  const topology = topologyOption(options)
  const degree = integerOption('gossip', options, 'degree', { fallback: 3, min: 2 })
  const steps = integerOption('gossip', options, 'every', { fallback: 1, min: 1 })
  const late = booleanOption('gossip', options, 'async', false)
  if (late && steps > 1) {
    throw new PeergradError('argument', `gossip.every: got ${steps} with async=true, expected 1: each step is averaged`)
  }
  const minibatches = steps * integerOption('gossip', options, 'minibatches', { fallback: 1, min: 1 })
  const graphOf = (n: number) => neighbours(topology, n, { degree, seed: seedOf(0, 'gossip') })
  return {
    name: 'gossip',
    describe:
      'every peer averages a model of its own with those of its neighbours (topology=ring, torus, random, full; async=true)',
    minibatches,
    steps,
    // models are averaged as they are
    outer: { name: 'sgd', learningRate: 1 },
    ownModels: true,
    kind: 'exchange',
    combines: true,
    refuses({ aggregator, preAggregators: [first], filter }) {
      if (first !== undefined)
        return `models are averaged as they are; got the pre-aggregator ${first.name}, expected none`
      if (aggregator.inStore?.name !== 'mean')
        return `models are averaged with weights; got the rule ${aggregator.name}, expected mean`
      return filter === undefined
        ? undefined
        : `models are exchanged whole; got the filter ${filter.name}, expected none`
    },
    traffic({ peers, rank, bytes, last = false }) {
      const next = !last ? graphOf(peers)[rank].length : rank === 0 ? peers - 1 : Math.min(peers - 1, 1)
      return { sent: next * bytes, received: next * bytes }
    },
    async round(context) {
      const half = Math.ceil(context.view.members.length / 2)
      const { manifest } = await context.contribute(() =>
        late ? lateStep(context, context.given(half)) : localSteps(context, steps, 'model')
      )
      const manifests = await context.agreed()
      const place = manifests.findIndex(({ peer, digest }) => peer === context.self && digest === manifest.digest)
      if (context.last()) {
        const merger = context.role(0)
        if (context.self !== merger) return context.receive('mean', merger)
        const mean = context.key('mean')
        await context.aggregate(await context.fetch(manifests), manifests, mean)
        return context.publish('mean', mean)
      }
      // one whose model is not among them keeps it for this round
      if (place < 0) return context.state
      return average(context, place)

      async function average({ store }: RoundContext, self: number): Promise<string> {
        const graph = graphOf(manifests.length)
        const { self: own, others } = metropolis(graph, self)
        const places = [self, ...graph[self]].sort((a, b) => a - b)
        const keys = await context.fetch(places.map((i) => manifests[i]))
        const factorOf = (i: number) => (i === self ? own : others[graph[self].indexOf(i)])
        const terms = places.map((i, at) => ({ key: keys[at], factor: factorOf(i) }))
        const to = context.key('average')
        await context.measure('aggregate', () => store.combine({ terms, to }))
        return to
      }
    }
  }
}

function topologyOption(options: PluginOptions): Topology {
  const given = options['topology'] ?? 'ring'
  const found = TOPOLOGIES.find((name) => name === given)
  if (found !== undefined) return found
  const message = `gossip.topology: got ${JSON.stringify(given)}, ${suggestion(String(given), TOPOLOGIES)}expected one of ${TOPOLOGIES.join(', ')}`
  throw new PeergradError('argument', message)
}
