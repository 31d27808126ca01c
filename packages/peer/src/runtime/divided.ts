import { PeergradError, quorum, type Digest } from '@peergrad/core'
import type { RoundServices } from './round-services.js'

/** What ends a round of which the members do not come to the same update, ballot after ballot. */
export function divided(
  { strategy, manifest }: Pick<RoundServices, 'strategy' | 'manifest'>,
  round: number,
  outcomes: readonly Digest[],
  members: number
): PeergradError {
  const plugin = `strategy ${strategy.name}`
  const updates = new Set(outcomes).size
  const lies = members - quorum(members)
  const message = `${plugin} with aggregator ${manifest.aggregator}: in round ${round} ${outcomes.length} peers made ${updates} different updates of the same contributions, time after time; all have to come to the same bits: what is random is drawn from context.random, nothing depends on the clock, the rank or what a peer keeps, and with zeno all have one engine (otherwise more than ${lies} of ${members} peers lie, or one that merges for the others does)`
  return new PeergradError('internal', message, { plugin, round, updates })
}
