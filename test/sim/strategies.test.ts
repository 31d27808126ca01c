import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { StrategyFactory } from '@peergrad/core'
import { allReduce, spirt } from '@peergrad/strategies'
import { strategyCompliance } from '../compliance/strategy.js'

strategyCompliance('spirt', spirt)
strategyCompliance('all-reduce', allReduce)

const example = pathToFileURL(join(import.meta.dirname, '..', '..', 'examples', 'leader-less.mjs')).href
strategyCompliance(example, ((await import(example)) as { default: StrategyFactory }).default)
