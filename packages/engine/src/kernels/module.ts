import type { KernelExports } from './exports.js'
import { RELAXED_SIMD, SIMD } from './generated.js'

/**
 * Compiles the kernels on the memory of tfjs's back end: they work on its tensors where they lie. The module has no
 * data, stack or allocator of its own. Fused multiply-add is taken where V8 has it: see `enableRelaxedSimd`.
 */
export async function instantiateKernels(memory: WebAssembly.Memory): Promise<KernelExports> {
  const relaxed = decode(RELAXED_SIMD)
  const module = await WebAssembly.compile(WebAssembly.validate(relaxed) ? relaxed : decode(SIMD))
  const instance = await WebAssembly.instantiate(module, { env: { memory } })
  return instance.exports as KernelExports
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
