import {
  loadPlugin,
  PeergradError,
  pluginError,
  random,
  type AggregationInput,
  type Aggregator,
  type ErrorData,
  type Vector
} from '@peergrad/core'
import type { Jobs } from './jobs.js'
import type { JobContext } from './serve.js'
import { Untouched } from './untouched.js'

/** to ← rule(from), gradient and buffers apart. Inputs and result are finite or the call is refused. */
export async function aggregate(request: Jobs['aggregate']['request'], context: JobContext): Promise<void> {
  const { kernels, view, scratch } = context
  const rule = await loadPlugin('aggregator', request.rule)
  const condition = rule.check(request.from.length)
  if (condition !== undefined) {
    const message = `aggregator ${rule.name}: got ${request.from.length} vectors, ${condition}`
    throw new PeergradError('argument', message, { rule: rule.name, vectors: request.from.length })
  }
  const vectors = request.from.map(({ vector }) => view(vector))
  for (const [k, { key, finite }] of request.from.entries()) {
    if (!finite) checkFinite(vectors[k], context, `"${key}"`)
  }
  const out = view(request.to)
  for (const [start, end] of [
    [0, request.parameters],
    [request.parameters, out.length]
  ]) {
    if (start === end) continue
    const part = (vector: Vector) => vector.subarray(start, end)
    apply(rule, {
      vectors: vectors.map(part),
      samples: request.samples,
      out: part(out),
      kernels,
      random: random(request.seed, 'aggregate'),
      scratch
    })
  }
  checkFinite(out, context, `the result of aggregator ${rule.name}`, { plugin: `aggregator ${rule.name}` })
}

export function checkFinite(vector: Vector, { kernels }: JobContext, what: string, data: ErrorData = {}): void {
  const index = kernels.firstNonFinite(vector)
  if (index < 0) return
  const message = `store: ${what} holds ${vector[index]} at ${index}, expected finite numbers only`
  throw new PeergradError('non-finite', message, { what, index, ...data })
}

function apply(rule: Aggregator, input: AggregationInput): void {
  const inputs = new Untouched(input.vectors)
  try {
    rule.aggregate(input)
  } catch (thrown) {
    throw pluginError(`aggregator ${rule.name}`, thrown)
  }
  inputs.check(`aggregator ${rule.name}`)
}
