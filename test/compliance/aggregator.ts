import { aggregatorLaws, type AggregatorProperties } from '@peergrad/conformance'
import type { Aggregator } from '@peergrad/core'
import { suite } from './suite.js'

/** The laws of an aggregation rule. `create` makes a fresh one. */
export function aggregatorCompliance(name: string, create: () => Aggregator, properties: AggregatorProperties): void {
  suite(`aggregator ${name}`, aggregatorLaws(create, properties))
}
