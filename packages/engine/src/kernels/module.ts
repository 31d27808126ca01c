import { setFlagsFromString } from 'node:v8'
import type { KernelExports } from './exports.js'
import { RELAXED_SIMD, SIMD } from './generated.js'

/**
 * Compiles the kernels on the memory of tfjs's back end: they work on its tensors where they lie. The module has no
 * data, stack or allocator of its own. Fused multiply-add is taken where V8 has it: by default from Node 22, behind
 * a flag that may be set at run time in Node 20.
 */
export async function instantiateKernels(memory: WebAssembly.Memory): Promise<KernelExports> {
  const module = (await compile(RELAXED_SIMD, true)) ?? (await WebAssembly.compile(decode(SIMD)))
  const instance = await WebAssembly.instantiate(module, { env: { memory } })
  return instance.exports as KernelExports
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

async function compile(base64: string, mayFlag: boolean): Promise<WebAssembly.Module | undefined> {
  try {
    return await WebAssembly.compile(decode(base64))
  } catch {
    if (!mayFlag) return undefined
    setFlagsFromString('--experimental-wasm-relaxed-simd')
    return compile(base64, false)
  }
}
