import type { Registry } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'
import { print, printJson } from '../output/print.js'
import { named } from '../output/named.js'

export const strategies: Command = {
  name: 'strategies',
  describe: 'Lists architectures of exchange, aggregation rules, pre-aggregators, filters and codecs.',
  options: [],
  flags: { json: JSON_FLAG },
  examples: [['peergrad strategies', 'what --strategy, --aggregator, --pre-aggregator, --filter and --codec may say']],
  async run({ flags: { json } }) {
    const { aggregators, codecs, filters, preAggregators, strategies } = await import('@peergrad/strategies')
    const list = ({ entries }: Registry) => [...entries].map(([name, { describe }]) => ({ name, describe }))
    const kinds = {
      strategies: list(strategies),
      aggregators: list(aggregators),
      preAggregators: list(preAggregators),
      filters: list(filters),
      codecs: list(codecs)
    }
    if (json === true) {
      printJson(kinds)
      return 0
    }
    for (const [kind, entries] of Object.entries(kinds)) print(named(kind, entries))
    print('A module path or package name works wherever a name does, with options behind a colon: spirt:minibatches=4')
    return 0
  }
}
