import {
  PeergradError,
  unmetCondition,
  type Aggregator,
  type Codec,
  type Filter,
  type PreAggregator,
  type Strategy
} from '@peergrad/core'

export interface Combination {
  readonly strategy: Strategy
  readonly aggregator: Aggregator
  readonly preAggregators: readonly PreAggregator[]
  readonly codec: Codec
  readonly filter: Filter | undefined
  readonly peers: number
  readonly workerMomentum: number
}

/** Refuses parts that do not go together, before anything is started: error `argument` says why. */
export function checkCombination(combination: Combination): void {
  const { strategy, aggregator, preAggregators, codec, filter, peers, workerMomentum } = combination
  const unmet = unmetCondition(preAggregators, aggregator, peers)
  if (unmet !== undefined) refuse(`${unmet.who}: got ${vectorsOf(unmet.n, peers)}, ${unmet.unmet}`)
  const [first] = preAggregators
  if (aggregator.trials !== undefined && first !== undefined) {
    refuse(
      `aggregator ${aggregator.name}: it judges what each peer's own contribution does to the loss, ` +
        `got the pre-aggregator ${first.name} before it, expected none`
    )
  }
  if (strategy.kind === 'single' && peers > 1) {
    refuse(`strategy: ${strategy.name} has no exchange, got ${peers} peers, expected --peers 1`)
  }
  if (codec.feedback === true && filter !== undefined && filter.name !== 'none') {
    refuse(
      `codec ${codec.name} has no zeros, so the filter ${filter.name} could leave nothing out; ` +
        'take --filter none, or another codec (f16, int8)'
    )
  }
  if (workerMomentum > 0 && strategy.outer !== undefined) {
    refuse(
      `worker-momentum: got ${workerMomentum} with the strategy ${strategy.name}, whose peers step by themselves and average models; ` +
        'expected 0, or a strategy that exchanges gradients (--every 1, mlless:own-steps=false)'
    )
  }
  const refusal = strategy.refuses?.({ aggregator, preAggregators, codec, filter })
  if (refusal !== undefined) refuse(`strategy ${strategy.name}: ${refusal}`)
}

/** How many vectors a rule is given, which are fewer than the peers behind a pre-aggregator that merges some. */
function vectorsOf(n: number, peers: number): string {
  return n === peers ? `${peers} peers` : `${n} vectors of ${peers} peers`
}

function refuse(message: string): never {
  throw new PeergradError('argument', message)
}
