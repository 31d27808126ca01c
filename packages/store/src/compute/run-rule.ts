import {
  loadPlugin,
  PeergradError,
  preAggregate,
  random,
  unmetCondition,
  untouched,
  type AggregationInput,
  type Aggregator,
  type ErrorData,
  type PreAggregator,
  type Vector
} from '@peergrad/core'
import type { Jobs } from './jobs.js'
import type { JobContext } from './serve.js'

/**
 * to ← rule(from), gradient and buffers apart, the gradients through `pre` before. Inputs and result are finite or the call is
 * refused.
 */
export async function aggregate(request: Jobs['aggregate']['request'], context: JobContext): Promise<void> {
  const { kernels, view, scratch } = context
  const { parameters } = request
  const rule = await loadPlugin('aggregator', request.rule)
  const chain = await Promise.all(request.pre.map((each) => loadPlugin('pre-aggregator', each)))
  checkConditions(chain, rule, request.from.length)
  const vectors = request.from.map(({ vector }) => view(vector))
  for (const [k, { key, finite }] of request.from.entries()) {
    if (!finite) checkFinite(vectors[k], context, `"${key}"`)
  }
  const out = view(request.to)
  const part = (start: number, end: number): AggregationInput => ({
    vectors: vectors.map((vector) => vector.subarray(start, end)),
    samples: request.samples,
    out: out.subarray(start, end),
    kernels,
    random: random(request.seed, 'aggregate'),
    scratch
  })
  if (parameters > 0) merge(chain, rule, { ...part(0, parameters), trials: request.trials }, context)
  if (parameters < out.length) {
    const buffers = part(parameters, out.length)
    if (rule.buffers === 'median') kernels.median(buffers.out, buffers.vectors)
    else apply(rule, buffers)
  }
  checkResult(`aggregator ${rule.name}`, [out], context)
}

/** What the rule makes of what comes out of the chain. When it cannot, what it was given may be why. */
function merge(chain: readonly PreAggregator[], rule: Aggregator, input: AggregationInput, context: JobContext): void {
  const given = prepared(chain, input)
  try {
    apply(rule, given)
    checkResult(`aggregator ${rule.name}`, [input.out], context)
  } catch (thrown) {
    if (chain.length > 0)
      checkResult(`pre-aggregator ${chain.map(({ name }) => name).join(', ')}`, given.vectors, context)
    throw thrown
  }
}

function checkResult(plugin: string, made: readonly Vector[], context: JobContext): void {
  for (const vector of made) checkFinite(vector, context, `the result of ${plugin}`, { plugin })
}

function checkConditions(chain: readonly PreAggregator[], rule: Aggregator, n: number): void {
  const unmet = unmetCondition(chain, rule, n)
  if (unmet === undefined) return
  const message = `${unmet.who}: got ${unmet.n} vectors, ${unmet.unmet}`
  throw new PeergradError('argument', message, { rule: rule.name, vectors: unmet.n })
}

/** What comes out of the chain weighs alike. */
function prepared(chain: readonly PreAggregator[], input: AggregationInput): AggregationInput {
  if (chain.length === 0) return input
  const vectors = preAggregate(chain, input)
  return { ...input, vectors, samples: vectors.map(() => 1) }
}

export function checkFinite(vector: Vector, { kernels }: JobContext, what: string, data: ErrorData = {}): void {
  const index = kernels.firstNonFinite(vector)
  if (index < 0) return
  const message = `store: ${what} holds ${vector[index]} at ${index}, expected finite numbers only`
  throw new PeergradError('non-finite', message, { what, index, ...data })
}

function apply(rule: Aggregator, input: AggregationInput): void {
  untouched(`aggregator ${rule.name}`, 'aggregate', input.vectors, () => rule.aggregate(input))
}
