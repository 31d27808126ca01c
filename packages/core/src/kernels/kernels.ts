import type { Vector } from '../vector.js'
import type { RuleKernels } from './rule-kernels.js'

export * from './rule-kernels.js'

/** IEEE 754 binary16 or bfloat16 values, one per element. */
export type HalfVector = Uint16Array<SharedArrayBuffer>
export type ByteVector = Int8Array<SharedArrayBuffer>

/** Floats per scale of the int8 form. */
export const INT8_BLOCK = 1024

/**
 * The strict numeric kernels: whatever aggregates, packs or steps a vector that peers must agree on.
 *
 * Every operation is rounded to float32 by itself, to nearest even, subnormals kept, in the order that is stated: no
 * fused multiply-add, no relaxed SIMD. So the SIMD path, the scalar path and a C implementation of the same words give
 * the same bits. (Where a NaN comes out, it is a NaN on all, of unspecified payload.) `·` binds tighter than `+`, and
 * sums go from left to right. Scalars given as JavaScript numbers are rounded to float32 first.
 *
 * Vectors are of one length, else error `shape`; any length, 0 included. A vector that the SIMD path is given lies in
 * the memory that it was created on (else `argument`), at any offset. Inputs are never written to; an output may be
 * the very same vector as an element-wise input (copy, scale, axpy, above, the optimiser steps), and may otherwise overlap no
 * input (`argument`): the output of a rule's kernel is none of the inputs.
 */
export interface Kernels extends RuleKernels {
  readonly path: KernelPath

  /** binary16, to nearest even; from 65,520 on infinity; subnormals kept; every NaN becomes ±0x7e00 */
  encodeF16(out: HalfVector, x: Vector): void
  /** exact; a NaN keeps its payload */
  decodeF16(out: Vector, x: HalfVector): void
  /** y = y + decoded x */
  addF16(y: Vector, x: HalfVector): void
  /** bfloat16 (the upper half of a float32), to nearest even; a NaN is made quiet and keeps its upper payload */
  encodeBF16(out: HalfVector, x: Vector): void
  decodeBF16(out: Vector, x: HalfVector): void
  /**
   * Blocks of 1,024 floats (the last one shorter), one scale each: scale = max|x| / 127 (8454659·2⁹⁸ at most: what is above
   * decodes to infinity), value = x / scale rounded to nearest even and clamped to ±127; a scale of 0 makes zeros. Inputs
   * are finite: check before. `scales` has ceil(length / 1024) floats.
   */
  quantiseInt8(values: ByteVector, scales: Vector, x: Vector): void
  /** out = value·scale */
  dequantiseInt8(out: Vector, values: ByteVector, scales: Vector): void

  /** d = g + λ·p; out = p − α·d. The optimiser steps return whether all that they wrote is finite. */
  sgd(out: Vector, parameters: Vector, gradient: Vector, coefficients: SgdCoefficients): boolean
  /** d = g + λ·p; v' = μ·v + d; u = v', or with Nesterov d + μ·v'; out = p − α·u */
  momentum(out: MomentumVectors, from: MomentumVectors, gradient: Vector, coefficients: MomentumCoefficients): boolean
  /**
   * d = g + λ·p; m' = β₁·m + γ₁·d; v' = β₂·v + γ₂·(d·d); out = κ·p − (α·m') / (√v' / σ + ε)
   *
   * Adam has κ = 1, AdamW λ = 0. `optimiser.ts` says how the coefficients come about.
   */
  adam(out: AdamVectors, from: AdamVectors, gradient: Vector, coefficients: AdamCoefficients): boolean
}

export type KernelPath = 'simd' | 'scalar'

export interface SgdCoefficients {
  /** α */
  readonly learningRate: number
  /** λ */
  readonly weightDecay: number
}

export interface MomentumCoefficients extends SgdCoefficients {
  /** μ */
  readonly momentum: number
  readonly nesterov: boolean
}

export interface MomentumVectors {
  readonly parameters: Vector
  readonly velocity: Vector
}

export interface AdamCoefficients {
  /** α */
  readonly stepSize: number
  /** λ */
  readonly weightDecay: number
  /** κ */
  readonly shrink: number
  /** β₁ and γ₁ */
  readonly beta1: number
  readonly gamma1: number
  /** β₂ and γ₂ */
  readonly beta2: number
  readonly gamma2: number
  /** σ */
  readonly correction: number
  /** ε */
  readonly epsilon: number
}

export interface AdamVectors {
  readonly parameters: Vector
  readonly first: Vector
  readonly second: Vector
}
