import type { Aggregator } from './contracts/aggregator.js'
import type { PreAggregationInput, PreAggregator } from './contracts/pre-aggregator.js'
import { PeergradError } from './errors.js'
import { untouched } from './plugins/untouched.js'
import type { Vector } from './vector.js'

/**
 * What the rule is given of `vectors`: each of the chain in its order takes what the one before it made. Error `shape` names one
 * that makes another number of vectors than it says, or of another length;
 * `internal` one that throws, or writes into what it is given; `argument` one that gives a promise, or memory that is not lent
 * to it.
 */
export function preAggregate(chain: readonly PreAggregator[], input: PreAggregationInput): readonly Vector[] {
  let { vectors } = input
  const kept = new Set<ReturnType<PreAggregationInput['scratch']>>()
  for (const [place, each] of chain.entries()) {
    const scratch: PreAggregationInput['scratch'] = (length) => {
      const lent = input.scratch(length)
      const release = () => {
        kept.delete(lent)
        lent.release()
      }
      kept.add(lent)
      return { vector: lent.vector, release }
    }
    const given = { ...input, vectors, random: input.random.fork('pre-aggregator', place), scratch }
    const made = untouched(`pre-aggregator ${each.name}`, 'apply', vectors, () => each.apply(given))
    checkMade(each, vectors, made)
    checkLent(each, [...vectors, ...[...kept].map(({ vector }) => vector)], made)
    for (const lent of kept) {
      if (made.some((vector) => isWithin(vector, lent.vector))) continue
      kept.delete(lent)
      lent.release()
    }
    vectors = made
  }
  return vectors
}

/** Whether it is `whole`, or a view on it. */
function isWithin(vector: Vector, whole: Vector): boolean {
  const end = (of: Vector) => of.byteOffset + of.byteLength
  return vector.buffer === whole.buffer && whole.byteOffset <= vector.byteOffset && end(vector) <= end(whole)
}

function checkLent({ name }: PreAggregator, lent: readonly Vector[], made: readonly Vector[]): void {
  const index = made.findIndex((vector) => !lent.some((whole) => isWithin(vector, whole)))
  if (index < 0) return
  const who = `pre-aggregator ${name}`
  const hint = 'write it into what `scratch` lends, and do not release that'
  const message = `${who}: vector ${index} of what it gives is neither an input nor scratch that it holds; ${hint}`
  throw new PeergradError('argument', message, { plugin: who })
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
