import type { Aggregator } from './contracts/aggregator.js'
import type { PreAggregationInput, PreAggregator } from './contracts/pre-aggregator.js'
import type { Vector } from './vector.js'

/** What the rule is given of `vectors`: each of the chain in its order takes what the one before it made. */
export function preAggregate(chain: readonly PreAggregator[], input: PreAggregationInput): readonly Vector[] {
  let { vectors } = input
  let kept: ReturnType<PreAggregationInput['scratch']>[] = []
  for (const [place, each] of chain.entries()) {
    const scratch: PreAggregationInput['scratch'] = (length) => {
      const lent = input.scratch(length)
      kept.push(lent)
      return lent
    }
    const made = each.apply({ ...input, vectors, random: input.random.fork('pre-aggregator', place), scratch })
    for (const { vector, release } of kept) if (!made.includes(vector)) release()
    kept = kept.filter(({ vector }) => made.includes(vector))
    vectors = made
  }
  return vectors
}

/** The first condition on the number of vectors that does not hold, from n on; undefined when all do. */
export function unmetCondition(
  chain: readonly PreAggregator[],
  rule: Aggregator,
  n: number
): { readonly who: string; readonly n: number; readonly unmet: string } | undefined {
  let count = n
  for (const each of chain) {
    const unmet = each.check(count)
    if (unmet !== undefined) return { who: `pre-aggregator ${each.name}`, n: count, unmet }
    count = each.count(count)
  }
  for (const given of [count, n]) {
    const unmet = rule.check(given)
    if (unmet !== undefined) return { who: `aggregator ${rule.name}`, n: given, unmet }
  }
  return undefined
}
