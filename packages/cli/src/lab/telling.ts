import { loadPlugin, parsePlugin, PeergradError, resolvePlugin, type Plugins, type Registry } from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'

/** Rules and what comes before them, as texts. */
export interface Chain {
  readonly aggregator: string
  readonly preAggregators: readonly string[]
}

/**
 * The texts of a chain that is told f: each that has such an option and says nothing itself. An option whose value is the
 * letter f has that number too, as in `bucketing:s=f`.
 */
export async function telling({ aggregator, preAggregators: pre }: Chain, f: number): Promise<Chain> {
  return {
    aggregator: await tellingOne('aggregator', aggregators, aggregator, f),
    preAggregators: await Promise.all(pre.map((text) => tellingOne('pre-aggregator', preAggregators, text, f)))
  }
}

/** Error `argument` where nothing of a chain takes the f that it was to be told: the cell would have a false name. */
export function checkTaken(asked: Chain, told: Chain, f: number): void {
  const [before, after] = [asked, told].map(textsOf)
  if (before.join() !== after.join()) return
  const own = before.find((text) => Object.hasOwn(parsePlugin(text).options, 'f'))
  const why =
    own === undefined ? `${before.join(' → ')} takes no f` : `${own} says its own f, and nothing else takes one`
  const what = own === undefined ? 'leave declared out for it' : `leave declared out, or f in ${own}`
  throw new PeergradError('argument', `declared: got ${f}, but ${why}; ${what}`, { path: 'declared' })
}

function textsOf({ preAggregators: pre, aggregator }: Chain): string[] {
  return [...pre, aggregator]
}

async function tellingOne(kind: keyof Plugins, registry: Registry, text: string, f: number): Promise<string> {
  const said = text.replace(/=f(?=,|$)/g, `=${f}`)
  const { options } = parsePlugin(said)
  if (Object.hasOwn(options, 'f')) return said
  const told = `${said}${Object.keys(options).length === 0 ? ':' : ','}f=${f}`
  return (await hasOption(kind, registry, told)) ? told : said
}

/** False for a plug-in that knows no such option; whatever else is wrong is said where the run is planned. */
async function hasOption(kind: keyof Plugins, registry: Registry, text: string): Promise<boolean> {
  try {
    await loadPlugin(kind, resolvePlugin(registry, text))
    return true
  } catch (thrown) {
    return PeergradError.from(thrown).data['plugin'] === undefined
  }
}
