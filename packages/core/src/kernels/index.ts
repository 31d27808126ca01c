import { PeergradError } from '../errors.js'
import { checked } from './checked.js'
import { dividedKernels, helpKernels } from './divided.js'
import type { KernelPath, Kernels } from './kernels.js'
import { instantiate } from './module.js'
import { scalarKernels } from './scalar.js'
import { simdKernels } from './simd.js'
import type { Team } from './team.js'

export * from './kernels.js'
export { float64Kernels } from './float64.js'
export { Team } from './team.js'
export { VectorSpan } from './vector-span.js'

/**
 * Kernels of this thread.
 *
 * @param memory the arena's, in which every vector must lie; needed for the SIMD path
 * @param path both give the same bits; left out: `simd` where there is a memory and WebAssembly SIMD, else `scalar`.
 *   Error `unsupported` when `simd` is asked for and cannot be had.
 * @param team threads that large calls are divided among, on the SIMD path; the bits are the same
 */
export function createKernels({
  memory,
  path,
  team
}: { memory?: WebAssembly.Memory; path?: KernelPath; team?: Team } = {}): Kernels {
  const buffer: ArrayBufferLike | undefined = memory?.buffer
  if (path === 'scalar') return checked(scalarKernels)
  if (memory === undefined || !(buffer instanceof SharedArrayBuffer)) {
    if (path === undefined) return checked(scalarKernels)
    throw new PeergradError('argument', 'kernels: path simd needs a shared memory, expected that of an Arena')
  }
  try {
    const kernels = simdKernels(instantiate(memory), buffer)
    return checked(team === undefined ? kernels : dividedKernels(kernels, team, memory), buffer)
  } catch (cause) {
    if (path === undefined) return checked(scalarKernels)
    const message = 'kernels: this JavaScript engine has no WebAssembly SIMD on shared memory here; use path scalar'
    throw new PeergradError('unsupported', message, {}, { cause })
  }
}

/** What a helper of a team does on its thread, until that is ended: its share of calls on vectors of this memory. */
export function helpTeam({ memory, control }: { memory: WebAssembly.Memory; control: SharedArrayBuffer }): never {
  return helpKernels(createKernels({ memory }), memory, control)
}
