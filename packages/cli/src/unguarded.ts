import { loadPlugin, resolvePlugin, type RunManifest } from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'

/** What is to be said of a run whose rules are robust by name and declare nobody hostile; undefined of any other. */
export async function unguarded({
  aggregator,
  preAggregators: pre
}: Pick<RunManifest, 'aggregator' | 'preAggregators'>): Promise<string | undefined> {
  const chain = await Promise.all(pre.map((text) => loadPlugin('pre-aggregator', resolvePlugin(preAggregators, text))))
  const rules = [...chain, await loadPlugin('aggregator', resolvePlugin(aggregators, aggregator))]
  const names = rules.filter(({ f }) => f === 0).map(({ name }) => name)
  if (names.length === 0) return undefined
  const [are, they] = names.length === 1 ? ['is', 'it'] : ['are', 'they']
  return `${names.join(', ')}: got f = 0, with which ${they} ${are} no more robust than an average; expected f of 1 at least, or mean`
}
