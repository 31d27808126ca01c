import { PeergradError, random, type AggregationInput, type Aggregator, type Vector } from '@peergrad/core'
import type { Jobs } from './jobs.js'
import { loadPlugin } from './load-plugin.js'
import type { JobContext } from './serve.js'

/** to ← rule(from), gradient and buffers apart. Inputs and result are finite or the call is refused. */
export async function aggregate(request: Jobs['aggregate']['request'], context: JobContext): Promise<void> {
  const { kernels, view, scratch } = context
  const rule = await loadPlugin<Aggregator>('aggregator', request.rule)
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
  checkFinite(out, context, `the result of aggregator ${rule.name}`)
}

export function checkFinite(vector: Vector, { kernels }: JobContext, what: string): void {
  const index = kernels.firstNonFinite(vector)
  if (index < 0) return
  const message = `store: ${what} holds ${vector[index]} at ${index}, expected finite numbers only`
  throw new PeergradError('non-finite', message, { what, index })
}

function apply(rule: Aggregator, input: AggregationInput): void {
  try {
    rule.aggregate(input)
  } catch (thrown) {
    if (thrown instanceof PeergradError) throw thrown
    const message = `aggregator ${rule.name} threw: ${thrown instanceof Error ? thrown.message : String(thrown)}`
    throw new PeergradError('internal', message, { rule: rule.name }, { cause: thrown })
  }
}
