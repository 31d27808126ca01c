import {
  PeergradError,
  preAggregate,
  random,
  shown,
  unmetCondition,
  untouched,
  type Aggregator,
  type Trials,
  type Vector
} from '@peergrad/core'
import { checkFields, countOf, isObject, positiveOf, useWith, useWithout, type Document } from '../by-hand/document.js'
import type { Step } from '../by-hand/named.js'
import { vectorsOf, written, type Numbers } from '../by-hand/vectors.js'
import { chainOf } from './chain.js'
import { ruleOf } from './rule.js'
import { samplesOf } from './samples.js'

/**
 * What a rule makes of the vectors of a document, or without one what its pre-aggregators do. Fields: `vectors`, `rule`,
 * `params`, `preAggregators` (a list of {rule, params}), `samples` (for a weighted mean), `losses` (for Zeno), `dtype`, `seed`. Names
 * and parameters are ours or ByzFL's.
 */
export async function aggregateByHand(document: Document): Promise<{ output: number[] | number[][] }> {
  checkFields(document, FIELDS)
  const bare = (document['rule'] ?? null) === null
  if (bare) checkWithoutRule(document)
  const numbers = vectorsOf(document, 'vectors')
  const { prepare, aggregate, by } = await pipelineOf(document, numbers)
  if (bare) return { output: prepare(numbers.vectors).map((vector) => written(vector)) }
  return { output: written(aggregate(numbers.vectors), by) }
}

const FIELDS = ['vectors', 'rule', 'params', 'preAggregators', 'samples', 'losses', 'dtype', 'seed']

function checkWithoutRule(document: Document): void {
  const stray = ['params', 'samples', 'losses'].find((field) => (document[field] ?? null) !== null)
  if (stray !== undefined) throw useWithout(stray, document[stray], 'a rule')
  const { preAggregators = null } = document
  if (preAggregators !== null && !(Array.isArray(preAggregators) && preAggregators.length === 0)) return
  throw new PeergradError('argument', 'rule: got nothing, expected the name of a rule, preAggregators, or both')
}

/** Pre-aggregators and rule of a document. Both throw `argument` for a number of vectors that they cannot take. */
export interface Pipeline {
  prepare(vectors: readonly Vector[]): readonly Vector[]
  aggregate(vectors: readonly Vector[]): Vector
  /** how messages call the rule when it is a user's */
  readonly by: string | undefined
}

/**
 * The `preAggregators`, and the `rule` with its `params` where there is one, in the precision of `numbers`. `path` goes before the
 * fields in messages.
 */
export async function pipelineOf(
  document: Document,
  { kernels, allocate }: Pick<Numbers, 'kernels' | 'allocate'>,
  path = ''
): Promise<Pipeline> {
  const steps = await chainOf(document, path)
  const chain = steps.map(({ plugin }) => plugin)
  const foreign = steps.flatMap((step) => step.by ?? []).join(', ')
  const bare = (document['rule'] ?? null) === null
  const step = bare ? undefined : await ruleOf(document, { kernels, allocate }, path)
  const { plugin: rule, by } = step ?? { plugin: ANY, by: undefined }
  const samples = step && samplesOf(document, step, steps, path)
  const trials = step && trialsOf(document, step)
  const scratch = (length: number) => ({ vector: allocate(length), release: () => {} })
  const seed = countOf(document, 'seed', 0)
  const input = () => ({ kernels, scratch, random: random(seed, 'aggregate') })
  const prepare: Pipeline['prepare'] = (vectors) => {
    const unmet = unmetCondition(chain, rule, vectors.length)
    if (unmet !== undefined) {
      const message = `${unmet.who}: got ${unmet.n} vectors, ${unmet.unmet}`
      throw new PeergradError('argument', message, { rule: rule.name, vectors: unmet.n })
    }
    const prepared = preAggregate(chain, { ...input(), vectors })
    if (foreign !== '') for (const vector of prepared) written(vector, foreign)
    return prepared
  }
  return {
    prepare,
    by,
    aggregate(vectors) {
      const prepared = prepare(vectors)
      const out = allocate(vectors[0].length)
      if (samples !== undefined && samples.length !== vectors.length) {
        const message = `${path}samples: got ${samples.length} counts for ${vectors.length} vectors, expected as many`
        throw new PeergradError('shape', message)
      }
      const given = { ...input(), vectors: prepared, samples: samples ?? prepared.map(() => 1), out, trials }
      untouched(`aggregator ${rule.name}`, 'aggregate', prepared, () => rule.aggregate(given))
      return out
    }
  }
}

/** No condition of its own. */
const ANY: Aggregator = { name: 'none', describe: '', check: () => undefined, aggregate: () => {} }

/** What Zeno judges by: {"after": […]}, and the `stepSize`, 0.1 when left out. `before` is in all scores alike. */
function trialsOf({ losses = null, rule }: Document, { plugin }: Step<Aggregator>): Trials | undefined {
  if (losses === null) return undefined
  if (plugin.trials === undefined) throw useWith('losses', losses, String(rule))
  const given = isObject(losses) ? losses : {}
  checkFields(given, ['before', 'after', 'stepSize'], 'losses.')
  const { after, stepSize } = given
  if (Array.isArray(after) && after.every((loss) => typeof loss === 'number')) {
    return { losses: after, stepSize: positiveOf({ 'losses.stepSize': stepSize }, 'losses.stepSize', 0.1) }
  }
  const message = `losses: got ${shown(losses)}, expected {"after": [the loss after a step along each vector], "stepSize": its length}`
  throw new PeergradError('argument', message)
}
