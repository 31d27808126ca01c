import { layoutLength, spanOf, type Codec, type Layout, type Part } from '@peergrad/core'

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

/** Bytes of a whole vector as it travels when no zero is left out. */
export function wireBytes(
  codec: Codec | undefined,
  { parameters, buffers }: Pick<Layout, 'parameters' | 'buffers'>
): number {
  return 4 * densePacked(codec, { length: parameters + buffers, parameters })
}

/** 32-bit words of packed content of which no zero is left out: buffers are never coded. */
export function densePacked(codec: Codec | undefined, { length, parameters }: Shape): number {
  return length - parameters + (codec === undefined ? parameters : Math.ceil(codec.bytes(parameters) / 4))
}
