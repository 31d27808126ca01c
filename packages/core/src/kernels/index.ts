import { PeergradError } from '../errors.js'
import { checked } from './checked.js'
import type { KernelPath, Kernels } from './kernels.js'
import { instantiate } from './module.js'
import { scalarKernels } from './scalar.js'
import { simdKernels } from './simd.js'

export * from './kernels.js'
export { float64Kernels } from './float64.js'

/**
 * Kernels of this thread.
 *
 * @param memory the arena's, in which every vector must lie; needed for the SIMD path
 * @param path both give the same bits; left out: `simd` where there is a memory and WebAssembly SIMD, else `scalar`.
 *   Error `unsupported` when `simd` is asked for and cannot be had.
 */
export function createKernels({ memory, path }: { memory?: WebAssembly.Memory; path?: KernelPath } = {}): Kernels {
  const buffer: ArrayBufferLike | undefined = memory?.buffer
  if (path === 'scalar') return checked(scalarKernels)
  if (memory === undefined || !(buffer instanceof SharedArrayBuffer)) {
    if (path === undefined) return checked(scalarKernels)
    throw new PeergradError('argument', 'kernels: path simd needs a shared memory, expected that of an Arena')
  }
  try {
    return checked(simdKernels(instantiate(memory), buffer), buffer)
  } catch (cause) {
    if (path === undefined) return checked(scalarKernels)
    const message = 'kernels: this JavaScript engine has no WebAssembly SIMD on shared memory here; use path scalar'
    throw new PeergradError('unsupported', message, {}, { cause })
  }
}
