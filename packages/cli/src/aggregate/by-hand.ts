import {
  isBuiltIn,
  loadPlugin,
  PeergradError,
  preAggregate,
  random,
  replace,
  resolvePlugin,
  unmetCondition,
  untouched,
  shown,
  type Aggregator,
  type PreAggregator,
  type Random,
  type Registry,
  type Trials,
  type Vector
} from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'
import {
  checkFields,
  countOf,
  isObject,
  objectOf,
  parametersOf,
  positiveOf,
  textOf,
  type Document
} from '../by-hand/document.js'
import { vectorsOf, written, type Numbers } from '../by-hand/vectors.js'
import { BYZFL_PRE_AGGREGATORS, BYZFL_RULES, translated } from './byzfl-names.js'
import { beginningAt, calling, stateOf } from './byzfl-state.js'
import { exampleOf, judgingBy } from './zeno-example.js'

/**
 * What a rule makes of the vectors of a document, or without one what its pre-aggregators do. Fields: `vectors`, `rule`,
 * `params`, `preAggregators` (a list of {rule, params}), `losses` (for Zeno), `dtype`, `seed`. Names and parameters are ours or ByzFL's.
 */
export async function aggregateByHand(document: Document): Promise<{ output: number[] | number[][] }> {
  checkFields(document, ['vectors', 'rule', 'params', 'preAggregators', 'losses', 'dtype', 'seed'])
  const numbers = vectorsOf(document, 'vectors')
  const { prepare, aggregate, by } = await pipelineOf(document, numbers)
  if (document['rule'] === undefined) return { output: prepare(numbers.vectors).map((vector) => written(vector)) }
  return { output: written(aggregate(numbers.vectors), by) }
}

/** Pre-aggregators and rule of a document. Both throw `argument` for a number of vectors that they cannot take. */
export interface Pipeline {
  prepare(vectors: readonly Vector[]): readonly Vector[]
  aggregate(vectors: readonly Vector[]): Vector
  /** how messages call the rule when it is a user's */
  readonly by: string | undefined
}

/** The `preAggregators`, and the `rule` with its `params` where there is one, in the precision of `numbers`. */
export async function pipelineOf(
  document: Document,
  { kernels, allocate }: Pick<Numbers, 'kernels' | 'allocate'>
): Promise<Pipeline> {
  const steps = await chainOf(document)
  const chain = steps.map(({ plugin }) => plugin)
  const foreign = steps.flatMap((step) => step.by ?? []).join(', ')
  const { plugin: rule, by } = document['rule'] === undefined ? ANY : await ruleOf(document, { kernels, allocate })
  const trials = trialsOf(document)
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
      const given = { ...input(), vectors: prepared, samples: prepared.map(() => 1), out, trials }
      untouched(`aggregator ${rule.name}`, 'aggregate', prepared, () => rule.aggregate(given))
      return out
    }
  }
}

/** No condition of its own. */
const ANY: Step<Aggregator> = {
  plugin: { name: 'none', describe: '', check: () => undefined, aggregate: () => {} },
  by: undefined
}

/** A plug-in, and how messages call it when it is a user's. */
interface Step<T> {
  readonly plugin: T
  readonly by: string | undefined
}

async function ruleOf(document: Document, numbers: Pick<Numbers, 'kernels' | 'allocate'>): Promise<Step<Aggregator>> {
  const rule = textOf(document, 'rule')
  if (rule === 'CenteredClipping') return centeredClippingOf(document, numbers)
  if (rule === 'Zeno') return zenoOf(document)
  const named = translated(BYZFL_RULES, rule, parametersOf(document, 'params'))
  const plugin = await loadPlugin('aggregator', reference(aggregators, named))
  return { plugin, by: isBuiltIn(aggregators, named.name) ? undefined : `aggregator ${plugin.name}` }
}

/** The one rule of ByzFL that keeps something from call to call. */
async function centeredClippingOf(
  document: Document,
  numbers: Pick<Numbers, 'kernels' | 'allocate'>
): Promise<Step<Aggregator>> {
  const { others, ...state } = stateOf(objectOf(document, 'params'))
  const { name, options } = translated(BYZFL_RULES, 'CenteredClipping', parametersOf({ params: others }, 'params'))
  const plugin = await loadPlugin('aggregator', reference(aggregators, { name, options: calling(state, options) }))
  return { plugin: beginningAt(state, plugin, numbers), by: undefined }
}

/** Its code's examples say at which point and by which loss it judges. */
async function zenoOf(document: Document): Promise<Step<Aggregator>> {
  const { others, ...example } = exampleOf(objectOf(document, 'params'))
  const named = translated(BYZFL_RULES, 'Zeno', parametersOf({ params: others }, 'params'))
  const plugin = await loadPlugin('aggregator', reference(aggregators, named))
  return { plugin: judgingBy(example, plugin), by: undefined }
}

/** What Zeno judges by: {"after": […]}, and the `stepSize`, 0.1 when left out. `before` is in all scores alike. */
function trialsOf({ losses }: Document): Trials | undefined {
  if (losses === undefined) return undefined
  const given = isObject(losses) ? losses : {}
  checkFields(given, ['before', 'after', 'stepSize'], 'losses.')
  const { after, stepSize } = given
  if (Array.isArray(after) && after.every((loss) => typeof loss === 'number')) {
    return { losses: after, stepSize: positiveOf({ 'losses.stepSize': stepSize }, 'losses.stepSize', 0.1) }
  }
  const message = `losses: got ${shown(losses)}, expected {"after": [the loss after a step along each vector], "stepSize": its length}`
  throw new PeergradError('argument', message)
}

async function chainOf(document: Document): Promise<Step<PreAggregator>[]> {
  const list = document['preAggregators'] ?? []
  if (!Array.isArray(list) || !list.every(isObject)) {
    const message = `preAggregators: got ${shown(list)}, expected a list of objects {"rule": …, "params": {…}}`
    throw new PeergradError('argument', message)
  }
  return Promise.all(
    list.map(async (each) => {
      checkFields(each, ['rule', 'params'])
      const given = each['params']
      const { permutation, ...others } = isObject(given) ? given : {}
      const params = parametersOf({ params: isObject(given) ? others : given }, 'params')
      const named = translated(BYZFL_PRE_AGGREGATORS, textOf(each, 'rule'), params)
      const plugin = await loadPlugin('pre-aggregator', reference(preAggregators, named))
      const by = isBuiltIn(preAggregators, named.name) ? undefined : `pre-aggregator ${plugin.name}`
      if (permutation === undefined) return { plugin, by }
      const dealt = dealing(permutation)
      const apply: PreAggregator['apply'] = (input) => plugin.apply({ ...input, random: { ...input.random, ...dealt } })
      return { plugin: replace(plugin, { apply }), by }
    })
  )
}

function reference(registry: Registry, { name, options }: ReturnType<typeof translated>) {
  const found = resolvePlugin(registry, name)
  return { ...found, options: { ...found.options, ...options } }
}

/** A shuffle with the outcome that the document gives. */
function dealing(permutation: unknown): Pick<Random, 'shuffle'> {
  const order = Array.isArray(permutation) ? permutation.map(Number) : []
  if ([...order].sort((a, b) => a - b).some((place, i) => place !== i) || order.length === 0) {
    const message = `permutation: got ${shown(permutation)}, expected a list of all indices from 0, each once`
    throw new PeergradError('argument', message)
  }
  return {
    shuffle(values) {
      if (values.length !== order.length) {
        const message = `permutation: got ${order.length} indices for ${values.length} vectors, expected one each`
        throw new PeergradError('argument', message)
      }
      for (const [i, place] of order.entries()) values[i] = place
      return values
    }
  }
}
