import { OPTION_NAMES, OPTIONS, type ErrorCode, type OptionName, type Options } from '@peergrad/core'
import { commandLine, machine } from '../output/provenance.js'
import type { Measures } from './measure.js'
import { PRICES, type Prices } from './prices.js'
import { publishedFor, type Published } from './published.js'

/** One strategy of a comparison: what it came to, or why it has no numbers. */
export type Compared = { readonly strategy: string; readonly directory: string } & (
  | ({ readonly status: 'finished' } & Measures)
  | { readonly status: 'failed'; readonly code: ErrorCode; readonly reason: string }
  /** Ctrl+C came before its end */
  | { readonly status: 'stopped' }
)

export type Finished = Extract<Compared, { status: 'finished' }>

/** `compare.json`: everything that the tables and the page show. */
export interface Comparison {
  /** what made it, for a shell */
  readonly command: string
  /** of its end, ISO 8601 */
  readonly date: string
  readonly machine: string
  /** the options that all runs have alike */
  readonly run: Partial<Options>
  readonly targetAccuracy: number | null
  readonly prices: Prices
  readonly strategies: readonly Compared[]
  /** what a paper says of the same model and data; null when none does */
  readonly published: Published | null
}

/** Options that are not alike in all runs, or stand elsewhere in the comparison, or mean nothing where all peers are started here. */
const APART: readonly OptionName[] = ['strategy', 'target-accuracy', 'admission', 'allow']
/** How this machine works for a run, and nothing that is its own affair. */
const OF_MACHINE: readonly OptionName[] = ['engine-workers', 'memory', 'checkpoint-every', 'stream']

const COMMON = OPTION_NAMES.filter(
  (word) => (OPTIONS[word].group === 'run' && !APART.includes(word)) || OF_MACHINE.includes(word)
)

export function comparisonOf(
  options: Options,
  strategies: readonly Compared[],
  { args = process.argv.slice(2), now = new Date() } = {}
): Comparison {
  const words = COMMON.map((word) => [word, options[word]] as const)
  return {
    command: commandLine(args),
    date: now.toISOString(),
    machine: machine(),
    run: Object.fromEntries(words.filter(([, value]) => value !== undefined)),
    targetAccuracy: options['target-accuracy'] || null,
    prices: PRICES,
    strategies,
    published: publishedFor(options)
  }
}

export function finished({ strategies }: Pick<Comparison, 'strategies'>): Finished[] {
  return strategies.filter((each) => each.status === 'finished')
}

export function title({ run }: Comparison): string {
  const { model, dataset, peers, epochs, rounds, minibatches, batch, optimizer, lr, seed } = run
  const passes = epochs === 1 ? '1 epoch' : `${epochs} epochs`
  const length = rounds === 0 ? passes : `${rounds} rounds, minibatches ${minibatches}`
  return `${model} on ${dataset}: ${peers} peers, ${length}, batch ${batch}, ${optimizer} at ${lr}, seed ${seed}`
}
