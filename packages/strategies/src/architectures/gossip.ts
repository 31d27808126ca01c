import {
  PeergradError,
  seedOf,
  type ContributionManifest,
  type RoundContext,
  type Strategy,
  type StrategyFactory
} from '@peergrad/core'
import { booleanOption, checkNames, choiceOption, integerOption, numberOption } from '../plugin-options.js'
import { clippedAround, type Weighted } from './clipped.js'
import { lateStep } from './late-step.js'
import { localSteps } from './local-steps.js'
import { metropolis, neighbours, TOPOLOGIES } from './topology.js'

/** How a peer merges its model with those of its neighbours. */
const MERGES = ['weights', 'rule'] as const

/**
 * D-PSGD (Lian et al., NeurIPS 2017, arXiv 1705.09056, algorithm 1): every peer has a model of its own, steps it, and
 * averages it with those of its neighbours in a topology, by Metropolis weights:
 *
 *     x_i ← Σ_j w_ij·(x_j − η·∇F(x_j))
 *
 * With `clip` it is clipped gossip with these weights, see `clippedAround`. With `merge=rule` a peer takes what the run's rule
 * makes of its own model and its neighbours', and keeps its own where they are too few for that.
 *
 * In the last round all models become one. One peer averages them and hands the average to all; with `clip` or a rule, which are
 * there to bear lies, everybody merges for itself, alike: by the rule, or clipped around the model of one rank.
 *
 * With `async` nobody waits for a step of a slow peer (AD-PSGD: Lian et al., ICML 2018, arXiv 1710.06952, algorithm 1): as
 * soon as half of the members have given their models, the others give theirs as they are, and average too; a gradient that
 * is still computed steps the model of a later round. So rounds come as fast as the faster half makes steps, and which round a
 * step counts in depends on time. In the paper pairs average by themselves; here the round's agreement says who took part.
 *
 * @param options topology: ring, torus, random (with degree, default 3, and seed, default 0, whatever the run's), full, or
 *   sunlet (a ring of the first `core`, default 5, and the others as leaves on it); clip: τ, a distance, 0 for none; trusted:
 *   rank around whose model the last round clips, 0; merge: weights or rule; every: steps between two exchanges, 1 with
 *   async; minibatches: of one step; async: true or false
 */
export const gossip: StrategyFactory = (options): Strategy => {
  checkNames('gossip', options, [
    'topology',
    'degree',
    'seed',
    'core',
    'clip',
    'trusted',
    'merge',
    'every',
    'minibatches',
    'async'
  ])
  const topology = choiceOption('gossip', options, 'topology', TOPOLOGIES)
  const degree = integerOption('gossip', options, 'degree', { fallback: 3, min: 2 })
  const seed = integerOption('gossip', options, 'seed', { fallback: 0, min: 0 })
  const core = integerOption('gossip', options, 'core', { fallback: 5, min: 1 })
  const tau = numberOption('gossip', options, 'clip', { fallback: 0, min: 0 })
  const trusted = integerOption('gossip', options, 'trusted', { fallback: 0, min: 0 })
  const merge = choiceOption('gossip', options, 'merge', MERGES)
  const handed = merge === 'weights' && tau === 0
  const steps = integerOption('gossip', options, 'every', { fallback: 1, min: 1 })
  const late = booleanOption('gossip', options, 'async', false)
  if (late && steps > 1) {
    throw new PeergradError('argument', `gossip.every: got ${steps} with async=true, expected 1: each step is averaged`)
  }
  const minibatches = steps * integerOption('gossip', options, 'minibatches', { fallback: 1, min: 1 })
  const graphOf = (n: number) => neighbours(topology, n, { degree, core, seed: seedOf(seed, 'gossip') })
  return {
    name: 'gossip',
    describe:
      'every peer merges a model of its own with its neighbours’ (topology=ring, torus, random, full, sunlet; clip=τ; async=true)',
    minibatches,
    steps,
    // models are averaged as they are
    outer: { name: 'sgd', learningRate: 1 },
    ownModels: true,
    kind: 'exchange',
    combines: merge === 'weights',
    neighbours: graphOf,
    refuses({ aggregator, preAggregators: [first], codec, filter }) {
      if (first !== undefined)
        return `models are merged as they are; got the pre-aggregator ${first.name}, expected none`
      if (aggregator.inStore?.name !== 'mean' && merge === 'weights')
        return `models are averaged with weights; got the rule ${aggregator.inStore?.name ?? aggregator.name}, expected mean, or gossip:merge=rule`
      if (aggregator.trials !== undefined)
        return `each peer would judge by a model of its own, and all are to end with one; got the rule ${aggregator.name}, expected one that needs no trials`
      if (tau > 0 && merge === 'rule') return 'clip goes with weights; got it with merge=rule, expected one of both'
      // what such a codec loses waits beside a filter, and is to be added to the next gradient
      if (codec.feedback === true)
        return `models are exchanged whole; got the codec ${codec.name}, which loses what only a next gradient could make up for, expected another one`
      return filter === undefined
        ? undefined
        : `models are exchanged whole; got the filter ${filter.name}, expected none`
    },
    traffic({ peers, rank, bytes, last = false }) {
      const all = !handed || rank === 0 ? peers - 1 : Math.min(peers - 1, 1)
      const next = last ? all : graphOf(peers)[rank].length
      return { sent: next * bytes, received: next * bytes }
    },
    async round(context) {
      const half = Math.ceil(context.view.members.length / 2)
      const { manifest } = await context.contribute(() =>
        late ? lateStep(context, context.given(half)) : localSteps(context, steps, 'model')
      )
      const manifests = await context.agreed()
      if (context.last()) {
        if (tau > 0) return clippedAll(context, await context.fetch(manifests))
        const merger = context.role(0)
        if (handed && context.self !== merger) return context.receive('mean', merger)
        const merged = await byRule(context, await context.fetch(manifests), manifests, 'mean')
        return handed ? context.publish('mean', merged) : merged
      }
      const self = manifests.findIndex(({ peer, digest }) => peer === context.self && digest === manifest.digest)
      // one whose model is not among them keeps it for this round
      if (self < 0) return context.state
      const graph = graphOf(manifests.length)
      // a rule is given the own model first, as what it may trust (MoNNA)
      const places = merge === 'rule' ? [self, ...graph[self]] : [self, ...graph[self]].sort((a, b) => a - b)
      const among = places.map((place) => manifests[place])
      const keys = await context.fetch(among)
      const model = keys[places.indexOf(self)]
      if (merge === 'rule') return orOwn(byRule(context, keys, among, 'neighbours'), model)
      const { self: own, others } = metropolis(graph, self)
      const weightOf = (place: number) => (place === self ? own : others[graph[self].indexOf(place)])
      const models = places.map((place, at) => ({ place, key: keys[at], weight: weightOf(place) }))
      return context.measure('aggregate', () => {
        if (tau === 0) return averaged(context, models)
        const around = models.filter(({ place }) => place !== self)
        return clippedAround(context, model, around, tau)
      })
    }
  }

  /** Around the trusted rank's, each of n models with weight 1/n. */
  function clippedAll(context: RoundContext, keys: readonly string[]): Promise<string> {
    const centre = Math.min(trusted, keys.length - 1)
    const others = keys.filter((_, place) => place !== centre).map((key) => ({ key, weight: 1 / keys.length }))
    return context.measure('aggregate', () => clippedAround(context, keys[centre], others, tau))
  }
}

async function averaged({ store, key }: RoundContext, models: readonly Weighted[]): Promise<string> {
  const to = key('average')
  await store.combine({ terms: models.map(({ key: model, weight }) => ({ key: model, factor: weight })), to })
  return to
}

async function byRule(
  context: RoundContext,
  keys: readonly string[],
  manifests: readonly ContributionManifest[],
  name: string
): Promise<string> {
  const to = context.key(name)
  await context.aggregate(keys, manifests, to)
  return to
}

/** The condition of the rule may hold for all peers, and not for a few neighbours. */
async function orOwn(merged: Promise<string>, own: string): Promise<string> {
  try {
    return await merged
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    if (error.code === 'argument' && error.data['rule'] !== undefined) return own
    throw error
  }
}
