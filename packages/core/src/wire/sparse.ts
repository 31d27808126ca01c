import { PeergradError } from '../errors.js'
import type { Vector } from '../vector.js'

/**
 * The sparse form of a vector whose first `parameters` floats are mostly zeros, in words of 32 bits:
 *
 * - dense: the parameters, packed: words(parameters) words;
 * - sparse, when that takes strictly fewer: k (uint32), k ascending indices (uint32), then the k values at these indices,
 *   packed: 1 + k + words(k) words.
 *
 * In both forms the `length − parameters` floats after the parameters follow as they are: no codec touches buffers.
 * The number of words tells which of both it is. A coordinate is left out when all its bits are zero, so −0 is not. The
 * words lie in the places of floats and are none: k and indices would be subnormals or NaNs.
 */
export interface SparseLayout {
  /** floats of the vector */
  readonly length: number
  /** its first floats, of which zeros are left out */
  readonly parameters: number
  /** words that n floats are packed into: n itself without a codec. Grows with n. */
  readonly words: (floats: number) => number
}

/** How many of the vector's floats have a bit that is set. */
export function countNonZero(vector: Vector): number {
  const words = wordsOf(vector)
  let count = 0
  for (let i = 0; i < words.length; i++) count += Number(words[i] !== 0)
  return count
}

/** Words of the shorter form of a vector with `nonZero` of its parameters not zero, and whether that is the sparse one. */
export function sparseForm(layout: SparseLayout, nonZero: number): { sparse: boolean; words: number } {
  const { length, parameters, words } = layout
  const [dense, sparse] = [words(parameters), 1 + nonZero + words(nonZero)]
  const rest = length - parameters
  return sparse < dense ? { sparse: true, words: sparse + rest } : { sparse: false, words: dense + rest }
}

/** indices and values ← those of the parameters that are not zero, as many as `indices` holds. */
export function gatherSparse(from: Vector, indices: Uint32Array, values: Vector): void {
  const [input, out] = [wordsOf(from), wordsOf(values)]
  const count = indices.length
  for (let i = 0, at = 0; at < count; i++) {
    if (input[i] === 0) continue
    indices[at] = i
    out[at++] = input[i]
  }
}

/**
 * k of a packed vector, undefined when it is dense. Safe with whatever another peer sent; error `corrupt` for what no
 * `sparseForm` gives.
 */
export function sparseCount(packed: Vector, layout: SparseLayout): number | undefined {
  const { length, parameters, words } = layout
  const rest = length - parameters
  const dense = words(parameters) + rest
  if (packed.length === dense) return undefined
  if (packed.length > dense || packed.length === 0) {
    throw corrupt(`got ${packed.length} words, expected at least 1 and at most ${dense} of ${length} floats`)
  }
  const [count] = wordsOf(packed)
  const most = Math.min(parameters, Math.max(0, packed.length - 1 - rest))
  if (count > most) throw corrupt(`got ${count} values in ${packed.length} words, expected at most ${most}`)
  const expected = sparseForm(layout, count)
  if (!expected.sparse || expected.words !== packed.length) {
    throw corrupt(`got ${packed.length} words for ${count} values, expected ${expected.words}`)
  }
  return count
}

/**
 * to ← the parameters that were gathered. Error `corrupt` unless the indices ascend and are below the length of `to`, which
 * is then written in part.
 */
export function scatterSparse(indices: Uint32Array, values: Vector, to: Vector): void {
  const [input, out] = [wordsOf(values), wordsOf(to)]
  out.fill(0)
  let next = 0
  for (let at = 0; at < indices.length; at++) {
    const index = indices[at]
    if (index < next || index >= out.length) {
      throw corrupt(`got the index ${index} at ${at}, expected ${next} to ${out.length - 1}`)
    }
    out[index] = input[at]
    next = index + 1
  }
}

function wordsOf(vector: Vector): Uint32Array {
  return new Uint32Array(vector.buffer, vector.byteOffset, vector.length)
}

function corrupt(what: string): PeergradError {
  return new PeergradError('corrupt', `sparse vector: ${what}; whoever sent it did not pack it by the rules`)
}
