import { PeergradError, type GradientStore } from '@peergrad/core'
import type { RunParts } from './compose.js'

type Parts = Pick<RunParts, 'strategy' | 'aggregator' | 'preAggregators' | 'ruleInStore' | 'filter' | 'significance'>

/**
 * For --in-database: error `unsupported` says what of a round the peer would do in the database's place, and what to take
 * instead. Packing for the wire, which no database is asked for, does not count.
 */
export function checkInDatabase(
  { name, capabilities }: Pick<GradientStore, 'name' | 'capabilities'>,
  parts: Parts
): void {
  const { denseInStore, rules } = capabilities
  const refuse = (what: string, instead: string) => {
    const message = `in-database: ${what} outside of the database ${name}; ${instead}, or leave --in-database out`
    throw new PeergradError('unsupported', message)
  }
  if (!denseInStore) {
    const module = 'redis does with the module of this version (npm run build:module, then --loadmodule peergrad.so)'
    refuse('gradients are averaged and the model is updated', `take a store that works on vectors, as ${module}`)
  }
  if (rules === 'any') return
  const { strategy, preAggregators, ruleInStore, filter, significance = false } = parts
  if (strategy.combines === true)
    refuse(`strategy ${strategy.name} merges`, 'take spirt, or another one that aggregates')
  if (preAggregators !== undefined) refuse('pre-aggregators run', 'take none')
  if (ruleInStore === undefined || !rules.includes(ruleInStore.name)) {
    refuse('this aggregator runs', `take one that the database has (${rules.join(', ')})`)
  }
  if (filter !== undefined && !significance) refuse('this filter decides', 'take significant or significant-model')
}
