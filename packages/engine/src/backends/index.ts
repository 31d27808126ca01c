import type { Availability, Backend } from './backend.js'
import { cpu } from './cpu.js'
import { tensorflow, tensorflowGpu } from './tensorflow.js'
import { wasm } from './wasm.js'
import { webgpu } from './webgpu.js'

/** All back ends, the preferred first. */
export const backends: readonly Backend[] = [tensorflowGpu, tensorflow, webgpu, wasm, cpu]

/** The engines that there are, the preferred first: whether each can run here, and how to install it if not. */
export function engines(): (Availability & { readonly name: string })[] {
  return backends.map((backend) => ({ name: backend.name, ...backend.probe() }))
}
