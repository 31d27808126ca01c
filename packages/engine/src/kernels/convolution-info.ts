import type { backend_util, Conv2DAttrs, NamedAttrMap } from '@tensorflow/tfjs-core'
import { PeergradError } from '@peergrad/core'
import { tf } from '../own-tfjs.js'
import type { Attributes } from './register.js'

type Shape4D = [number, number, number, number]

/** Sizes, strides and padding of a convolution from the attributes of its kernel. */
export function convolutionInfo(
  attributes: Attributes,
  xShape: readonly number[],
  filterShape: readonly number[],
  depthwise: boolean
): backend_util.Conv2DInfo {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attributes as Partial<NamedAttrMap & Conv2DAttrs>
  return tf.backend_util.computeConv2DInfo(
    xShape as Shape4D,
    filterShape as Shape4D,
    strides ?? 1,
    dilations ?? 1,
    pad ?? 'valid',
    dimRoundingMode,
    depthwise,
    tf.backend_util.convertConv2DDataFormat(dataFormat ?? 'NHWC')
  )
}

export function shapeAttribute(attributes: Attributes, name: string): number[] {
  const shape = attributes[name]
  if (Array.isArray(shape)) return shape as number[]
  throw new PeergradError('internal', `a kernel was called without its attribute ${name}`, { name })
}
