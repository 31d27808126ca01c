import type * as tf from '@tensorflow/tfjs-core'
import { columnsOf, valuesOf, valuesOr } from './columns.js'
import type { Heap } from './heap.js'
import { inputOf, type Inputs, replaceGradient, replaceKernel, runKernels, runPublished } from './register.js'

/**
 * Batch normalisation over the last axis (Ioffe and Szegedy, 2015), for each column of x seen as a matrix of M rows:
 *
 * forward  y = γ · x̂ + β, x̂ = (x − μ) · r, r = 1 / √(σ² + ε);
 * backward dβ = Σ dy, dγ = Σ dy · x̂, dx = γ · r · (dy − dβ / M − x̂ · dγ / M).
 *
 * `BatchNormTraining` takes x, scale (γ) and offset (β), and gives y and the batch's μ and σ² (biased), through which
 * no gradient flows back. `FusedBatchNorm` is tfjs's kernel, where μ and σ² are given: there dx = γ · r · dy.
 */
export function registerBatchNorm(heap: Heap): void {
  const { kernels } = heap

  replaceKernel('BatchNormTraining', (inputs, attributes) => {
    const x = inputOf(inputs, 'x')
    const { rows, columns } = columnsOf(x)
    const mean = heap.output([columns])
    const variance = heap.output([columns])
    kernels.moments(heap.address(x), rows, columns, heap.address(mean), heap.address(variance))
    return [normalise(heap, { ...inputs, mean, variance }, Number(attributes['epsilon'])), mean, variance]
  })
  replaceKernel('BatchNormTrainingGrad', (inputs, attributes) =>
    gradients(heap, inputs, Number(attributes['epsilon']), false)
  )
  replaceGradient('BatchNormTraining', {
    inputsToSave: ['x', 'scale'],
    outputsToSave: [false, true, true],
    gradFunc: (dys, saved, attributes) => {
      const [x, scale, mean, variance] = saved
      const dy = (dys as tf.Tensor[])[0]
      const [dx, dscale, doffset] = runKernels('BatchNormTrainingGrad', { dy, x, scale, mean, variance }, attributes)
      return { x: () => dx, scale: () => dscale, offset: () => doffset }
    }
  })

  replaceKernel('FusedBatchNorm', (inputs, attributes, published) => {
    if (!isPerColumn(inputs)) return runPublished(published, inputs, attributes)
    return normalise(heap, inputs, Number(attributes['varianceEpsilon']))
  })
  replaceKernel('FusedBatchNormGrad', (inputs, attributes) =>
    gradients(heap, inputs, Number(attributes['varianceEpsilon']), true)
  )
  replaceGradient('FusedBatchNorm', {
    inputsToSave: ['x', 'mean', 'variance', 'scale'],
    gradFunc: (dy, saved, attributes, published) => {
      const [x, mean, variance, scale] = saved
      const inputs = { dy: dy as tf.Tensor, x, mean, variance, scale }
      if (!isPerColumn(inputs as Inputs)) return published(dy, saved, attributes)
      const [dx, dscale, doffset, dmean, dvariance] = runKernels('FusedBatchNormGrad', inputs, attributes)
      return { x: () => dx, scale: () => dscale, offset: () => doffset, mean: () => dmean, variance: () => dvariance }
    }
  })
}

/** True when every statistic is a vector over the last axis of x, which is what our kernels take. */
function isPerColumn(inputs: Inputs): boolean {
  const { columns } = columnsOf(inputOf(inputs, 'x'))
  return ['mean', 'variance', 'offset', 'scale'].every((name) => {
    const shape = inputs[name]?.shape
    return shape === undefined || (shape.length === 1 && shape[0] === columns)
  })
}

function normalise(heap: Heap, inputs: Inputs, epsilon: number): tf.TensorInfo {
  const x = inputOf(inputs, 'x')
  const { rows, columns } = columnsOf(x)
  const y = heap.output(x.shape)
  heap.withScratch(8 * columns, (scratch) => {
    const [slope, shift] = [0, 1].map((part) => heap.floats(scratch + 4 * part * columns, columns))
    const mean = valuesOf(heap, inputOf(inputs, 'mean'))
    const variance = valuesOf(heap, inputOf(inputs, 'variance'))
    const scale = valuesOr(heap, inputs['scale'], columns, 1)
    const offset = valuesOr(heap, inputs['offset'], columns, 0)
    for (let c = 0; c < columns; c++) {
      slope[c] = scale[c] / Math.sqrt(variance[c] + epsilon)
      shift[c] = offset[c] - mean[c] * slope[c]
    }
    heap.kernels.scaleShift(heap.address(x), rows, columns, scratch, scratch + 4 * columns, heap.address(y))
  })
  return y
}

/** dx, dγ, dβ, dμ and dσ² when the statistics are `given`; else dx, dγ and dβ, with dx by way of μ and σ² too. */
function gradients(heap: Heap, inputs: Inputs, epsilon: number, given: boolean): tf.TensorInfo[] {
  const x = inputOf(inputs, 'x')
  const dy = inputOf(inputs, 'dy')
  const mean = inputOf(inputs, 'mean')
  const { rows, columns } = columnsOf(x)
  const dx = heap.output(x.shape)
  const ofColumns = Array.from({ length: given ? 4 : 2 }, () => heap.output([columns]))
  heap.withScratch(20 * columns, (scratch) => {
    const parts = [0, 1, 2, 3, 4].map((part) => scratch + 4 * part * columns)
    heap.kernels.gradientSums(heap.address(x), heap.address(dy), rows, columns, heap.address(mean), scratch)
    const [sum, product, a, b, c] = parts.map((part) => heap.floats(part, columns))
    const [dscale, doffset, dmean, dvariance] = ofColumns.map((tensor) => valuesOf(heap, tensor))
    const mu = valuesOf(heap, mean)
    const variance = valuesOf(heap, inputOf(inputs, 'variance'))
    const scale = valuesOr(heap, inputs['scale'], columns, 1)
    for (let i = 0; i < columns; i++) {
      const r = 1 / Math.sqrt(variance[i] + epsilon)
      a[i] = scale[i] * r
      b[i] = given ? 0 : (-a[i] * r * r * product[i]) / rows
      c[i] = given ? 0 : (-a[i] * sum[i]) / rows - b[i] * mu[i]
      dscale[i] = product[i] * r
      doffset[i] = sum[i]
      if (!given) continue
      dmean[i] = -a[i] * sum[i]
      dvariance[i] = -0.5 * a[i] * r * r * product[i]
    }
    const [, , slope, tilt, shift] = parts
    heap.kernels.combine(heap.address(x), heap.address(dy), rows, columns, slope, tilt, shift, heap.address(dx))
  })
  return [dx, ...ofColumns]
}
