import type { TensorInfo } from '@tensorflow/tfjs-core'
import { biasActivation, clampOf, isPerChannel } from './bias.js'
import { convolutionInfo, shapeAttribute } from './convolution-info.js'
import { geometryOf } from './geometry.js'
import type { Heap } from './heap.js'
import { type Attributes, inputOf, replaceKernel, replaceWindowGradient, runPublished } from './register.js'

/** Depthwise convolutions of NHWC by [height, width, inChannels, multiplier] and their gradients. */
export function registerDepthwise(heap: Heap): void {
  const { kernels } = heap

  function forward(x: TensorInfo, filter: TensorInfo, attributes: Attributes): TensorInfo {
    const info = convolutionInfo(attributes, x.shape, filter.shape, true)
    const y = heap.output(info.outShape)
    const geometry = heap.geometry(geometryOf(info))
    heap.withScratch(kernels.depthwiseScratch(geometry), (scratch) =>
      kernels.depthwise(geometry, heap.address(x), heap.address(filter), heap.address(y), scratch)
    )
    return y
  }

  replaceKernel('DepthwiseConv2dNative', (inputs, attributes) =>
    forward(inputOf(inputs, 'x'), inputOf(inputs, 'filter'), attributes)
  )

  replaceKernel('FusedDepthwiseConv2D', (inputs, attributes, published) => {
    const clamp = clampOf(attributes)
    const [, , inChannels, multiplier] = inputOf(inputs, 'filter').shape
    if (clamp === undefined || !isPerChannel(inputs['bias'], inChannels * multiplier))
      return runPublished(published, inputs, attributes)
    const y = forward(inputOf(inputs, 'x'), inputOf(inputs, 'filter'), attributes)
    biasActivation(heap, y, inputs['bias'], clamp)
    return y
  })

  replaceKernel('DepthwiseConv2dNativeBackpropInput', (inputs, attributes) => {
    const dy = inputOf(inputs, 'dy')
    const filter = inputOf(inputs, 'filter')
    const info = convolutionInfo(attributes, shapeAttribute(attributes, 'inputShape'), filter.shape, true)
    const dx = heap.output(info.inShape)
    const geometry = heap.geometry(geometryOf(info))
    heap.withScratch(kernels.depthwiseScratch(geometry), (scratch) =>
      kernels.depthwiseInputGradient(geometry, heap.address(dy), heap.address(filter), heap.address(dx), scratch)
    )
    return dx
  })

  replaceKernel('DepthwiseConv2dNativeBackpropFilter', (inputs, attributes) => {
    const x = inputOf(inputs, 'x')
    const dy = inputOf(inputs, 'dy')
    const info = convolutionInfo(attributes, x.shape, shapeAttribute(attributes, 'filterShape'), true)
    const dfilter = heap.output(info.filterShape)
    const geometry = heap.geometry(geometryOf(info))
    heap.withScratch(kernels.depthwiseScratch(geometry), (scratch) =>
      kernels.depthwiseFilterGradient(geometry, heap.address(x), heap.address(dy), heap.address(dfilter), scratch)
    )
    return dfilter
  })

  replaceWindowGradient(
    'DepthwiseConv2dNative',
    'DepthwiseConv2dNativeBackpropInput',
    'DepthwiseConv2dNativeBackpropFilter'
  )
}
