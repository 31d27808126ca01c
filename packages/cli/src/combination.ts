import { PeergradError, type Aggregator, type Codec, type Filter, type Strategy } from '@peergrad/core'

export interface Combination {
  readonly strategy: Strategy
  readonly aggregator: Aggregator
  readonly codec: Codec
  readonly filter: Filter | undefined
  readonly peers: number
}

/** Refuses parts that do not go together, before anything is started: error `argument` says why. */
export function checkCombination({ strategy, aggregator, codec, filter, peers }: Combination): void {
  const unmet = aggregator.check(peers)
  if (unmet !== undefined) refuse(`aggregator: ${aggregator.name} with ${peers} peers: ${unmet}`)
  if (strategy.kind === 'single' && peers > 1) {
    refuse(`strategy: ${strategy.name} has no exchange, got ${peers} peers, expected --peers 1`)
  }
  if (codec.feedback === true && filter !== undefined && filter.name !== 'none') {
    refuse(
      `codec ${codec.name} has no zeros, so the filter ${filter.name} could leave nothing out; ` +
        'take --filter none, or another codec (f16, int8)'
    )
  }
  const refusal = strategy.refuses?.({ aggregator, codec, filter })
  if (refusal !== undefined) refuse(`strategy ${strategy.name}: ${refusal}`)
}

function refuse(message: string): never {
  throw new PeergradError('argument', message)
}
