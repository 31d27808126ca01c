import type { Part } from '../part.js'
import type { Vector } from '../vector.js'

/** Most inputs of `median`, `trimmedMean` and `meamed`. */
export const MEDIAN_INPUTS = 64

/**
 * The kernels that aggregation rules are made of. A rule that uses these alone, and does no arithmetic on elements by
 * itself, works in float64 too: see `float64Kernels`.
 *
 * Order and rounding are as `Kernels` says; "in float64" means that nothing but the result is rounded to float32, once.
 */
export interface RuleKernels {
  /**
   * out = (x_0 + x_1 + … + x_{n−1}) / n, a true division; where that is not finite, the same once more in float64. So it does
   * not overflow. n from 1.
   */
  mean(out: Vector, inputs: readonly Vector[]): void
  /**
   * out = c_0·x_0 + c_1·x_1 + … with c_i = w_i / (w_0 + w_1 + …), computed in float64 and then rounded; where that is not
   * finite, (c_0·x_0 + c_1·x_1 + …) / (c_0 + c_1 + …) in float64. So it does not overflow.
   * Weights are finite, not negative, not all zero (`argument`).
   */
  weightedMean(out: Vector, inputs: readonly Vector[], weights: readonly number[]): void
  /** out = x_0 + x_1 + … + x_{n−1}. n from 1. */
  sum(out: Vector, inputs: readonly Vector[]): void
  /**
   * Median per coordinate in the total order of IEEE 754 (−0 below +0). Even n: the mean of the two middle ones,
   * added in float64, halved, and rounded, so it does not overflow. n from 1 to 64. Inputs are finite: check before.
   */
  median(out: Vector, inputs: readonly Vector[]): void
  /**
   * Per coordinate, in the order of `median`, without the `trim` lowest and highest: the others added in float64, ascending,
   * divided by n − 2·trim, and rounded. 2·trim < n ≤ 64 (`argument`).
   */
  trimmedMean(out: Vector, inputs: readonly Vector[], trim: number): void
  /**
   * Per coordinate, in the order of `median`, the n − drop values that are nearest to the middle one (of an even number: to
   * the mean of both, in float64), of two at one distance the lower (of equal zeros the higher): added in float64, ascending,
   * divided by n − drop, and rounded. drop < n ≤ 64 (`argument`).
   */
  meamed(out: Vector, inputs: readonly Vector[], drop: number): void
  /** out = 1 where more inputs are above 0 than below, −1 where more are below, else 0 */
  signMajority(out: Vector, inputs: readonly Vector[]): void
  /**
   * out_k = (w_k0·x_0 + w_k1·x_1 + …) / (w_k0 + w_k1 + …) in float64, terms of weight 0 left out. It does not overflow, and
   * of inputs that are all the same it is that one. Inputs pass through memory once for all outputs. Each output's weights
   * are finite, not negative, not all zero (`argument`).
   */
  average(outs: readonly Vector[], inputs: readonly Vector[], weights: readonly (readonly number[])[]): void
  /** The same for one output, and its `squaredDistances` to all inputs, in one pass. */
  averageAndDistances(out: Vector, inputs: readonly Vector[], weights: readonly number[]): Float64Array
  /** squaredDistance of x to each input */
  squaredDistances(x: Vector, inputs: readonly Vector[]): Float64Array
  /**
   * squaredDistance of each input to each, row by row: n·n numbers. With a `part`, of that share of the pairs only, and 0 for
   * the others: each pair is in one share.
   */
  pairDistances(inputs: readonly Vector[], part?: Part): Float64Array
  /** squaredNorm of each input */
  squaredNorms(inputs: readonly Vector[]): Float64Array

  copy(out: Vector, x: Vector): void
  fill(out: Vector, value: number): void
  /** out = a·x */
  scale(out: Vector, x: Vector, a: number): void
  /** y = y + a·x */
  axpy(y: Vector, a: number, x: Vector): void
  /** out = x where |x| > a·|y|, else +0 */
  above(out: Vector, x: Vector, a: number, y: Vector): void

  /**
   * Σ x_i·y_i in float64: four sums by index mod 4, each in index order, then (s_0 + s_1) + (s_2 + s_3).
   * squaredNorm is dot(x, x).
   */
  dot(x: Vector, y: Vector): number
  squaredNorm(x: Vector): number
  /** Σ (x_i − y_i)² in float64, differences too, summed as `dot` is */
  squaredDistance(x: Vector, y: Vector): number
  /** max |x_i|; 0 of nothing, NaN when there is one */
  maxAbs(x: Vector): number
  /** index of the first NaN or infinity, −1 when all are finite */
  firstNonFinite(x: Vector): number
}
