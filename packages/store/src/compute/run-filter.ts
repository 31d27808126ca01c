import {
  loadPlugin,
  PeergradError,
  random,
  significantPart,
  untouched,
  type Filter,
  type FilterInput,
  type Vector,
  type VectorHandle
} from '@peergrad/core'
import { significanceOf } from '../significance.js'
import { FLOATS } from '../words.js'
import type { Jobs } from './jobs.js'
import { packVector } from './run-packing.js'
import { checkFinite } from './run-rule.js'
import type { JobContext } from './serve.js'

/** rest ← held + from, but for what the filter sends of it; the result is that, packed, with the buffers of `from`. */
export async function filter(request: Jobs['filter']['request'], context: JobContext): Promise<VectorHandle> {
  const { kernels, view, scratch, make, handle } = context
  const { parameters, step, learningRate } = request
  const plugin = await loadPlugin('filter', request.filter)
  const test = significanceOf(plugin, request)
  const [from, rest] = [view(request.from.vector), view(request.rest)]
  accumulate(request, rest, context)
  const { vector: whole } = scratch(from.length)
  const sent = whole.subarray(0, parameters)
  kernels.copy(whole.subarray(parameters), from.subarray(parameters))
  const input = { accumulated: rest, parameters: view(request.state).subarray(0, parameters), sent, kernels, scratch }
  if (test === undefined) {
    kernels.fill(sent, 0)
    apply(plugin, { ...input, step, learningRate, random: random(request.seed, 'filter') })
  } else significantPart(test, input)
  takeOut(plugin, rest, sent)
  const packed = packVector(whole, parameters, FLOATS, context)
  if (packed !== undefined) return packed
  const out = make(whole.length)
  kernels.copy(out, whole)
  return handle(out)
}

/** acc ← held + the gradient in `from`. Error `non-finite`, also for the buffers. */
function accumulate({ from, held }: Jobs['filter']['request'], acc: Vector, context: JobContext): void {
  const { kernels, view } = context
  const gradient = view(from.vector)
  if (!from.finite) checkFinite(gradient, context, `"${from.key}"`)
  if (held === undefined) kernels.fill(acc, 0)
  else {
    kernels.copy(acc, view(held.vector))
    if (!held.finite) checkFinite(acc, context, `"${held.key}"`)
  }
  kernels.axpy(acc, 1, gradient.subarray(0, acc.length))
  checkFinite(acc, context, 'the sum of what was held back and the gradient')
}

/** rest ← 0 where it is sent. Error for what is neither 0 nor what has accumulated. */
function takeOut({ name }: Filter, rest: Vector, sent: Vector): void {
  const [left, gone] = [wordsOf(rest), wordsOf(sent)]
  for (let i = 0; i < gone.length; i++) {
    if (gone[i] === 0) continue
    if (gone[i] === left[i]) left[i] = 0
    else if (gone[i] === NEGATIVE_ZERO) gone[i] = 0
    else throw refused(name, i, sent[i], rest[i])
  }
}

const NEGATIVE_ZERO = 0x80000000

function refused(name: string, index: number, got: number, accumulated: number): PeergradError {
  const message = `filter ${name}: got ${got} at ${index}, expected ${accumulated}, what has accumulated there, or 0`
  return new PeergradError(Number.isFinite(got) ? 'argument' : 'non-finite', message, {
    plugin: `filter ${name}`,
    index
  })
}

function apply(plugin: Filter, input: FilterInput): void {
  untouched(`filter ${plugin.name}`, 'apply', [input.accumulated, input.parameters], () => plugin.apply(input))
}

function wordsOf(vector: Vector): Uint32Array {
  return new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
}
