import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8 compile fused multiply-add: it does by default from Node 22, and behind a flag before. The flag is the whole
 * process's: set it before any worker starts, for V8 aborts when it changes while another thread compiles.
 */
export function enableRelaxedSimd(): void {
  if (Number(process.versions.node.split('.')[0]) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd')
}
