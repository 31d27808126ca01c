import type { Aggregator } from './contracts/aggregator.js'
import type { PreAggregationInput, PreAggregator } from './contracts/pre-aggregator.js'
import { PeergradError } from './errors.js'
import { untouched } from './plugins/untouched.js'
import type { Vector } from './vector.js'

/**
 * What the rule is given of `vectors`: each of the chain in its order takes what the one before it made. Error `shape` names one
 * that makes another number of vectors than it says, or of another length;
 * `internal` one that throws, or writes into what it is given; `argument` one that gives a promise.
 */
export function preAggregate(chain: readonly PreAggregator[], input: PreAggregationInput): readonly Vector[] {
  let { vectors } = input
  let kept: ReturnType<PreAggregationInput['scratch']>[] = []
  for (const [place, each] of chain.entries()) {
    const scratch: PreAggregationInput['scratch'] = (length) => {
      const lent = input.scratch(length)
      kept.push(lent)
      return lent
    }
    const given = { ...input, vectors, random: input.random.fork('pre-aggregator', place), scratch }
    const made = untouched(`pre-aggregator ${each.name}`, 'apply', vectors, () => each.apply(given))
    checkMade(each, vectors, made)
    for (const { vector, release } of kept) if (!isUsed(vector, made)) release()
    kept = kept.filter(({ vector }) => isUsed(vector, made))
    vectors = made
  }
  return vectors
}

/** Whether one of `made` is that scratch, or a view on it. */
function isUsed(scratch: Vector, made: readonly Vector[]): boolean {
  const end = scratch.byteOffset + scratch.byteLength
  return made.some(
    ({ buffer, byteOffset, byteLength }) =>
      buffer === scratch.buffer && byteOffset < end && scratch.byteOffset < byteOffset + byteLength
  )
}

function checkMade(each: PreAggregator, from: readonly Vector[], made: readonly Vector[]): void {
  const [n, length] = [each.count(from.length), from[0].length]
  if (Array.isArray(made) && made.length === n && made.every((vector) => vector.length === length)) return
  const lengths = Array.isArray(made) ? [...new Set(made.map((vector) => vector.length))].join(', ') : ''
  const got = Array.isArray(made) ? `${made.length} vectors of ${lengths} floats` : 'no list of vectors'
  const who = `pre-aggregator ${each.name}`
  const message = `${who}: got ${got}, expected ${n} of ${length}`
  throw new PeergradError('shape', message, { plugin: who })
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
