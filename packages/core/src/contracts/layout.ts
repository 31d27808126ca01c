/** One tensor inside the flat vector. */
export interface TensorSlot {
  readonly name: string
  readonly shape: readonly number[]
  /** first element, in floats */
  readonly offset: number
  /** product(shape) */
  readonly length: number
}

/**
 * How a model's tensors lie in one flat Float32 vector: the trainable parameters first, then the buffers
 * (batch-norm moving statistics), which are averaged like parameters and never touched by the optimiser.
 */
export interface Layout {
  readonly slots: readonly TensorSlot[]
  /** number of trainable floats; the optimiser's vectors have this length */
  readonly parameters: number
  /** number of buffer floats; a contribution has parameters + buffers floats */
  readonly buffers: number
}

/** Floats of a whole contribution or model state. */
export function layoutLength(layout: Layout): number {
  return layout.parameters + layout.buffers
}
