import type { Backend } from './backend.js'
import { cpu } from './cpu.js'
import { wasm } from './wasm.js'

/** All back ends, the preferred first. */
export const backends: readonly Backend[] = [wasm, cpu]
