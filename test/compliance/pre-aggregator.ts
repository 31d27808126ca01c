import { preAggregatorLaws } from '@peergrad/conformance'
import type { PreAggregator } from '@peergrad/core'
import { suite } from './suite.js'

/** The laws of a pre-aggregator. `create` makes a fresh one. */
export function preAggregatorCompliance(name: string, create: () => PreAggregator): void {
  suite(`pre-aggregator ${name}`, preAggregatorLaws(create))
}
