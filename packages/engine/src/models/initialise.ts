import { random, shown, type Layout, type Random } from '@peergrad/core'

import { inLayoutOrder, type ModelTensor } from './model.js'

/**
 * How a tensor starts:
 * - `constant`: one value
 * - `uniform`: U(−limit, limit)
 * - `normal`: N(mean, deviation²)
 * - `scaled`: variance scaling. Variance scale / n, with n the fan-in, fan-out or their mean, drawn from a uniform or
 *   a normal distribution. Glorot and Bengio (2010) uniform is { scale: 1, mode: 'average', uniform }, He et al.
 *   (2015) normal is { scale: 2, mode: 'in', normal }.
 * - `values`: these values, e.g. from a file that every peer reads
 */
export type Initialiser =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number }
  | {
      readonly kind: 'scaled'
      readonly scale: number
      readonly mode: 'in' | 'out' | 'average'
      readonly distribution: 'uniform' | 'normal'
    }
  | { readonly kind: 'values'; readonly values: Float32Array }

export const zeros = { kind: 'constant', value: 0 } satisfies Initialiser
export const ones = { kind: 'constant', value: 1 } satisfies Initialiser
export const glorotUniform = {
  kind: 'scaled',
  scale: 1,
  mode: 'average',
  distribution: 'uniform'
} satisfies Initialiser
export const heNormal = { kind: 'scaled', scale: 2, mode: 'in', distribution: 'normal' } satisfies Initialiser

const KINDS: readonly string[] = [
  'constant',
  'uniform',
  'normal',
  'scaled',
  'values'
] satisfies readonly Initialiser['kind'][]

/** Why a tensor of that many floats cannot start so, or undefined. */
export function initialiserFault(initialiser: Initialiser, length: number): string | undefined {
  const { kind } = initialiser
  if (!KINDS.includes(kind)) return `got the initialiser ${shown(kind)}, expected one of ${KINDS.join(', ')}`
  if (kind !== 'values' || initialiser.values.length === length) return undefined
  return `got ${initialiser.values.length} initial values, expected ${length}`
}

/** Fills a model's flat state for a seed. Plain JavaScript on our own random: the same on every peer and back end. */
export function initialise(tensors: readonly ModelTensor[], layout: Layout, seed: number, into: Float32Array): void {
  inLayoutOrder(tensors).forEach(({ shape, initialise: initialiser }, index) => {
    const slot = layout.slots[index]
    if (slot === undefined) return
    const values = into.subarray(slot.offset, slot.offset + slot.length)
    fill(values, initialiser, shape, random(seed, 'initialise', index))
  })
}

function fill(values: Float32Array, initialiser: Initialiser, shape: readonly number[], source: Random): void {
  switch (initialiser.kind) {
    case 'constant':
      values.fill(initialiser.value)
      return
    case 'values':
      values.set(initialiser.values)
      return
    case 'uniform':
      fillUniform(values, initialiser.low, initialiser.high, source)
      return
    case 'normal':
      fillNormal(values, initialiser.mean, initialiser.deviation, source)
      return
    case 'scaled': {
      const variance = initialiser.scale / Math.max(1, fan(shape, initialiser.mode))
      const limit = Math.sqrt(3 * variance)
      if (initialiser.distribution === 'uniform') fillUniform(values, -limit, limit, source)
      else fillNormal(values, 0, Math.sqrt(variance), source)
    }
  }
}

function fillUniform(values: Float32Array, low: number, high: number, source: Random): void {
  for (let i = 0; i < values.length; i++) values[i] = low + (high - low) * source.uniform()
}

function fillNormal(values: Float32Array, mean: number, deviation: number, source: Random): void {
  for (let i = 0; i < values.length; i++) values[i] = mean + deviation * source.normal()
}

/** Inputs and outputs of one unit: shape is [in, out] or [height, width, in, out], as tfjs has it. */
function fan(shape: readonly number[], mode: 'in' | 'out' | 'average'): number {
  const field = shape.slice(0, -2).reduce((product, size) => product * size, 1)
  const fanIn = field * (shape.at(-2) ?? 1)
  const fanOut = field * (shape.at(-1) ?? 1)
  if (mode === 'in') return fanIn
  return mode === 'out' ? fanOut : (fanIn + fanOut) / 2
}
