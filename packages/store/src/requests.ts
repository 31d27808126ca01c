import {
  checkOptimiser,
  PeergradError,
  type FilterRequest,
  type GradientStore,
  type UpdateRequest
} from '@peergrad/core'
import { checkInputs, checkKey } from './keys.js'
import type { Tensor } from './place.js'

export type AggregateRequest = Parameters<GradientStore['aggregate']>[0]

export function checkAggregate({ from, to, samples, parameters }: AggregateRequest): void {
  checkInputs('aggregate', from)
  checkKey(to)
  checkCount('aggregate', 'parameters', parameters)
  if (samples.length !== from.length || !samples.every((count) => Number.isFinite(count) && count >= 0)) {
    const message = `store: aggregate got samples [${samples.join(', ')}], expected a number from 0 for each of ${from.length} vectors`
    throw new PeergradError('argument', message)
  }
}

export function checkUpdate({ from, to, gradient, optimiser, parameters, step, learningRate }: UpdateRequest): void {
  checkInputs('applyUpdate', [from, gradient])
  checkKey(to)
  checkOptimiser(optimiser)
  checkCount('applyUpdate', 'parameters', parameters)
  checkStep('applyUpdate', step, learningRate)
}

export function checkFilter({ from, held, state, to, rest, parameters, step, learningRate }: FilterRequest): void {
  checkInputs('filter', held === undefined ? [from, state] : [from, state, held])
  checkInputs('filter', [to, rest])
  checkCount('filter', 'parameters', parameters)
  checkStep('filter', step, learningRate)
}

function checkStep(call: string, step: number, learningRate: number): void {
  if (!Number.isSafeInteger(step) || step < 1) {
    throw new PeergradError('argument', `store: ${call} got step ${step}, expected a whole number from 1`)
  }
  if (!Number.isFinite(learningRate)) {
    const message = `store: ${call} got a learning rate of ${learningRate}, expected a finite number`
    throw new PeergradError('non-finite', message)
  }
}

/** What a timer of the platform holds. */
const LONGEST_TTL = 2 ** 31 - 1

export function checkTtl(ttl: number | undefined): void {
  if (ttl === undefined || (ttl > 0 && ttl <= LONGEST_TTL)) return
  throw new PeergradError(
    'argument',
    `store: put got a ttl of ${ttl}, expected milliseconds above 0, up to ${LONGEST_TTL}`
  )
}

/**
 * Error `shape` unless all vectors are of one length, `expected` when it is given, of at least `parameters` floats.
 * Returns the length.
 */
export function checkLength(
  call: string,
  keys: readonly string[],
  tensors: readonly Tensor[],
  parameters = 0,
  expected = tensors[0]?.length ?? 0
): number {
  for (const [k, { length }] of tensors.entries()) {
    if (length === expected && expected >= parameters) continue
    const wanted = length === expected ? `at least ${parameters} parameters` : `${expected}`
    const message = `store: ${call} got ${length} floats in "${keys[k]}", expected ${wanted}`
    throw new PeergradError('shape', message, { key: keys[k], length })
  }
  return expected
}

/** Error `shape` for more floats that may be zero than there are. */
export function checkSparse(call: string, sparse: number, length: number): void {
  checkCount(call, 'sparse', sparse)
  if (sparse <= length) return
  throw new PeergradError('shape', `store: ${call} got sparse of ${sparse}, expected at most the length, ${length}`)
}

/** Error `shape` unless a part lies inside a vector. */
export function checkPart(call: string, key: string, length: number, offset: number, count: number): void {
  checkCount(call, 'an offset', offset)
  checkCount(call, 'a length', count)
  if (offset + count <= length) return
  const message = `store: ${call} got ${count} floats from ${offset} of "${key}", expected no more than its ${length}`
  throw new PeergradError('shape', message, { key, length })
}

export function checkCount(call: string, what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new PeergradError('argument', `store: ${call} got ${what} of ${value}, expected a whole number from 0`)
}
