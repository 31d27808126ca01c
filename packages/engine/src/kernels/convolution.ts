import type { TensorInfo } from '@tensorflow/tfjs-core'
import { biasActivation, clampOf, isPerChannel } from './bias.js'
import { convolutionInfo, shapeAttribute } from './convolution-info.js'
import { geometryOf } from './geometry.js'
import type { Heap } from './heap.js'
import { type Attributes, inputOf, replaceKernel, replaceWindowGradient, runPublished } from './register.js'

/** Convolutions of NHWC by HWIO and their gradients, for any stride, dilation and padding. */
export function registerConvolution(heap: Heap): void {
  const { kernels } = heap

  function forward(x: TensorInfo, filter: TensorInfo, attributes: Attributes): TensorInfo {
    const info = convolutionInfo(attributes, x.shape, filter.shape, false)
    const y = heap.output(info.outShape)
    const geometry = heap.geometry(geometryOf(info))
    heap.withScratch(kernels.convolutionScratch(geometry), (scratch) =>
      kernels.convolution(geometry, heap.address(x), heap.address(filter), heap.address(y), scratch)
    )
    return y
  }

  replaceKernel('Conv2D', (inputs, attributes) => forward(inputOf(inputs, 'x'), inputOf(inputs, 'filter'), attributes))

  replaceKernel('FusedConv2D', (inputs, attributes, published) => {
    const clamp = clampOf(attributes)
    const channels = inputOf(inputs, 'filter').shape[3]
    if (clamp === undefined || !isPerChannel(inputs['bias'], channels))
      return runPublished(published, inputs, attributes)
    const y = forward(inputOf(inputs, 'x'), inputOf(inputs, 'filter'), attributes)
    biasActivation(heap, y, inputs['bias'], clamp)
    return y
  })

  replaceKernel('Conv2DBackpropInput', (inputs, attributes) => {
    const dy = inputOf(inputs, 'dy')
    const filter = inputOf(inputs, 'filter')
    const info = convolutionInfo(attributes, shapeAttribute(attributes, 'inputShape'), filter.shape, false)
    const dx = heap.output(info.inShape)
    const geometry = heap.geometry(geometryOf(info))
    heap.withScratch(kernels.convolutionScratch(geometry), (scratch) =>
      kernels.convolutionInputGradient(geometry, heap.address(dy), heap.address(filter), heap.address(dx), scratch)
    )
    return dx
  })

  replaceKernel('Conv2DBackpropFilter', (inputs, attributes) => {
    const x = inputOf(inputs, 'x')
    const dy = inputOf(inputs, 'dy')
    const info = convolutionInfo(attributes, x.shape, shapeAttribute(attributes, 'filterShape'), false)
    const dfilter = heap.output(info.filterShape)
    const geometry = heap.geometry(geometryOf(info))
    heap.withScratch(kernels.convolutionFilterGradientScratch(geometry), (scratch) =>
      kernels.convolutionFilterGradient(geometry, heap.address(x), heap.address(dy), heap.address(dfilter), scratch)
    )
    return dfilter
  })

  replaceWindowGradient('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter')
}
