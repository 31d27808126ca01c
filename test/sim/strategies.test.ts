import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resolvePlugin, type StrategyFactory } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { strategyCompliance } from '../compliance/strategy.js'
import { exchangeStrategies } from './matrix.js'

for (const name of await exchangeStrategies()) {
  const { module, export: exported, options: variant } = resolvePlugin(strategies, name)
  const factory = ((await import(module)) as Record<string, StrategyFactory>)[exported]!
  strategyCompliance(name, (options) => factory({ ...options, ...variant }))
}

const example = pathToFileURL(join(import.meta.dirname, '..', '..', 'examples', 'leader-less.mjs')).href
strategyCompliance('leader-less', ((await import(example)) as { default: StrategyFactory }).default)
