import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { StrategyFactory } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { strategyCompliance } from '../compliance/strategy.js'
import { exchangeStrategies } from './matrix.js'

for (const name of await exchangeStrategies()) {
  const { module, export: factory } = strategies.entries.get(name)!.reference
  strategyCompliance(name, ((await import(module)) as Record<string, StrategyFactory>)[factory]!)
}

const example = pathToFileURL(join(import.meta.dirname, '..', '..', 'examples', 'leader-less.mjs')).href
strategyCompliance('leader-less', ((await import(example)) as { default: StrategyFactory }).default)
