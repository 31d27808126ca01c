import { layoutLength, spanOf, type Layout, type Part } from '@peergrad/core'

/** What packed content stands for. */
export interface Shape {
  /** floats */
  readonly length: number
  /** trainable floats among them, which come first */
  readonly parameters: number
}

/** Of the whole model state, or of a part of it. */
export function shapeOf(layout: Layout, part?: Part): Shape {
  const length = layoutLength(layout)
  if (part === undefined) return { length, parameters: layout.parameters }
  const span = spanOf(length, part)
  const parameters = Math.min(Math.max(layout.parameters - span.offset, 0), span.length)
  return { length: span.length, parameters }
}
