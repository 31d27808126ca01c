import type { GradConfig, KernelFunc, NamedAttrMap, NamedTensorMap, Tensor, TensorInfo } from '@tensorflow/tfjs-core'
import { PeergradError } from '@peergrad/core'
import { tf } from '../own-tfjs.js'

/** Name under which the back end and our kernels are registered. */
export const BACKEND = 'wasm'

export type Inputs = Readonly<Record<string, TensorInfo>>
export type Attributes = NamedAttrMap
type Published = KernelFunc | undefined
type Run = (inputs: Inputs, attributes: Attributes, published: Published) => TensorInfo | TensorInfo[]

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
export function runPublished(published: Published, inputs: Inputs, attributes: Attributes): TensorInfo | TensorInfo[] {
  if (published !== undefined) return published({ inputs, attrs: attributes, backend: tf.backend() })
  throw new PeergradError('unsupported', 'the wasm engine has no kernel for this case', { attributes })
}

type GradFunc = GradConfig['gradFunc']
type Gradient = Omit<GradConfig, 'kernelName' | 'gradFunc'> & {
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
      const [x, filter] = saved as [Tensor, Tensor]
      return {
        x: () => runKernel(toInput, { dy, filter }, { ...attributes, inputShape: x.shape }),
        filter: () => runKernel(toFilter, { x, dy }, { ...attributes, filterShape: filter.shape })
      }
    }
  })
}

type Tensors = Readonly<Record<string, Tensor | Tensor[] | undefined>>

/** Runs a kernel of one output on the active back end. */
export function runKernel(kernelName: string, inputs: Tensors, attributes: Attributes): Tensor {
  return tf.engine().runKernel<Tensor>(kernelName, inputs as NamedTensorMap, attributes)
}

/** Runs a kernel of several outputs. */
export function runKernels(kernelName: string, inputs: Tensors, attributes: Attributes): Tensor[] {
  return tf.engine().runKernel<Tensor[]>(kernelName, inputs as NamedTensorMap, attributes)
}

export function inputOf(inputs: Inputs, name: string): TensorInfo {
  const input = inputs[name]
  if (input !== undefined) return input
  throw new PeergradError('internal', `a kernel was called without its input ${name}`, { name })
}
