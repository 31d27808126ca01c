import {
  PeergradError,
  random,
  type AggregationInput,
  type Aggregator,
  type AggregatorFactory,
  type PluginReference,
  type Vector
} from '@peergrad/core'
import type { Jobs } from './jobs.js'
import type { JobContext } from './serve.js'

const rules = new Map<string, Promise<Aggregator>>()

/** to ← rule(from), gradient and buffers apart. Inputs and result are finite or the call is refused. */
export async function aggregate(request: Jobs['aggregate']['request'], context: JobContext): Promise<void> {
  const { kernels, view, scratch } = context
  const rule = await loadRule(request.rule)
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

/** A rule is made once in the life of the worker; a reference that failed is tried again the next time. */
function loadRule(reference: PluginReference): Promise<Aggregator> {
  const name = JSON.stringify([reference.module, reference.export, Object.entries(reference.options).sort()])
  let rule = rules.get(name)
  if (rule === undefined) {
    rule = importRule(reference)
    rules.set(name, rule)
    rule.catch(() => rules.delete(name))
  }
  return rule
}

async function importRule({ module, export: exported, options }: PluginReference): Promise<Aggregator> {
  let exports: Record<string, unknown>
  try {
    exports = (await import(module)) as Record<string, unknown>
  } catch (cause) {
    const message = `aggregator: ${module} could not be imported: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new PeergradError('missing', message, { module }, { cause })
  }
  const factory = exports[exported]
  if (!isFactory(factory)) {
    const message = `aggregator: ${module} exports no function "${exported}", only ${Object.keys(exports).join(', ')}`
    throw new PeergradError('unknown', message, { module, export: exported })
  }
  return factory(options)
}

function isFactory(value: unknown): value is AggregatorFactory {
  return typeof value === 'function'
}
