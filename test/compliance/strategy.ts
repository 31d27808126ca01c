import { strategyLaws, type StrategyProperties } from '@peergrad/conformance'
import { MANIFEST } from '@peergrad/conformance/simulation'
import type { StrategyFactory } from '@peergrad/core'
import { suite } from './suite.js'

/**
 * The laws of an architecture of exchange, on a network in memory under a virtual clock. `text` is what --strategy
 * takes; the formula of ours is exact.
 */
export function strategyCompliance(text: string, create: StrategyFactory, properties: StrategyProperties = {}): void {
  const strategy = () => create({ minibatches: MANIFEST.minibatches })
  suite(`strategy ${text}`, strategyLaws(strategy, { tolerance: 0, ...properties }))
}
