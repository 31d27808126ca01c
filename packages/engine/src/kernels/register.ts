import * as tf from '@tensorflow/tfjs-core'
import { PeergradError } from '@peergrad/core'

/** Name under which the back end and our kernels are registered. */
export const BACKEND = 'wasm'

export type Inputs = Readonly<Record<string, tf.TensorInfo>>
export type Attributes = tf.NamedAttrMap
type Published = tf.KernelFunc | undefined
type Run = (inputs: Inputs, attributes: Attributes, published: Published) => tf.TensorInfo | tf.TensorInfo[]

/** Puts `run` in the place of the back end's kernel of that name; `run` is given the published one, if there is one. */
export function replaceKernel(kernelName: string, run: Run): void {
  const published = tf.getKernelsForBackend(BACKEND).find((kernel) => kernel.kernelName === kernelName)?.kernelFunc
  if (published !== undefined) tf.unregisterKernel(kernelName, BACKEND)
  tf.registerKernel({
    kernelName,
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) => run(inputs as Inputs, attrs ?? {}, published)
  })
}

/** Leaves a case to the back end's own kernel. */
export function runPublished(
  published: Published,
  inputs: Inputs,
  attributes: Attributes
): tf.TensorInfo | tf.TensorInfo[] {
  if (published !== undefined) return published({ inputs, attrs: attributes, backend: tf.backend() })
  throw new PeergradError('unsupported', 'the wasm engine has no kernel for this case', { attributes })
}

type GradFunc = tf.GradConfig['gradFunc']
type Gradient = Omit<tf.GradConfig, 'kernelName' | 'gradFunc'> & {
  gradFunc(...call: [...Parameters<GradFunc>, published: GradFunc]): ReturnType<GradFunc>
}

/** Replaces the gradient of a kernel while the wasm back end is active; other back ends keep tfjs's. */
export function replaceGradient(kernelName: string, gradient: Gradient): void {
  const published = tf.getGradient(kernelName)?.gradFunc
  tf.registerGradient({
    ...gradient,
    kernelName,
    gradFunc: (dy, saved, attributes) =>
      published === undefined || tf.getBackend() === BACKEND
        ? gradient.gradFunc(dy, saved, attributes, published)
        : published(dy, saved, attributes)
  })
}

/** The gradient of a kernel of x and filter by two kernels; unlike tfjs's, it takes dilations. */
export function replaceWindowGradient(kernelName: string, toInput: string, toFilter: string): void {
  replaceGradient(kernelName, {
    inputsToSave: ['x', 'filter'],
    gradFunc: (dy, saved, attributes) => {
      const [x, filter] = saved as [tf.Tensor, tf.Tensor]
      return {
        x: () => runKernel(toInput, { dy, filter }, { ...attributes, inputShape: x.shape }),
        filter: () => runKernel(toFilter, { x, dy }, { ...attributes, filterShape: filter.shape })
      }
    }
  })
}

type Tensors = Readonly<Record<string, tf.Tensor | tf.Tensor[] | undefined>>

/** Runs a kernel of one output on the active back end. */
export function runKernel(kernelName: string, inputs: Tensors, attributes: Attributes): tf.Tensor {
  return tf.engine().runKernel<tf.Tensor>(kernelName, inputs as tf.NamedTensorMap, attributes)
}

/** Runs a kernel of several outputs. */
export function runKernels(kernelName: string, inputs: Tensors, attributes: Attributes): tf.Tensor[] {
  return tf.engine().runKernel<tf.Tensor[]>(kernelName, inputs as tf.NamedTensorMap, attributes)
}

export function inputOf(inputs: Inputs, name: string): tf.TensorInfo {
  const input = inputs[name]
  if (input !== undefined) return input
  throw new PeergradError('internal', `a kernel was called without its input ${name}`, { name })
}
