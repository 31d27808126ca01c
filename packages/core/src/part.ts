/** One of `of` parts of a vector, from 0. */
export interface Part {
  readonly index: number
  readonly of: number
}

/** Where a part lies. */
export interface Span {
  /** first element */
  readonly offset: number
  readonly length: number
}

/**
 * The parts of LambdaML's ScatterReduce (Jiang et al., SIGMOD 2021): q = ⌊length/of⌋, and the first length mod `of` parts
 * have one more.
 */
export function spanOf(length: number, { index, of }: Part): Span {
  const quotient = Math.floor(length / of)
  const rest = length % of
  return { offset: quotient * index + Math.min(index, rest), length: quotient + Number(index < rest) }
}
