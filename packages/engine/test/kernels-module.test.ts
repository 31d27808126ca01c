import { describe, expect, it } from 'vitest'
import type { KernelExports } from '../src/kernels/exports.js'
import { RELAXED_SIMD, SIMD } from '../src/kernels/generated.js'
import { instantiateKernels } from '../src/kernels/module.js'
import { enableRelaxedSimd } from '../src/kernels/relaxed-simd.js'
import { difference, TOLERANCE, values } from './kernels-support.js'

/** x of 2 × 9 × 9 × 8 by 3 × 3 × 8 × 12: computed with Winograd's transforms. */
const GEOMETRY = [2, 9, 9, 8, 9, 9, 12, 3, 3, 1, 1, 1, 1, 1, 1]
const [ADDRESS, X, FILTER, Y, SCRATCH] = [0, 1024, 65_536, 131_072, 262_144]

function convolve(kernels: KernelExports, memory: WebAssembly.Memory): Float32Array {
  new Int32Array(memory.buffer, ADDRESS, GEOMETRY.length).set(GEOMETRY)
  new Float32Array(memory.buffer, X).set(values([2, 9, 9, 8], 1).values)
  new Float32Array(memory.buffer, FILTER).set(values([3, 3, 8, 12], 2).values)
  kernels.convolution(ADDRESS, X, FILTER, Y, SCRATCH)
  return new Float32Array(memory.buffer, Y, 2 * 9 * 9 * 12).slice()
}

describe('the kernels without fused multiply-add', () => {
  it('are those with it, but for rounding', async () => {
    enableRelaxedSimd()
    const memory = new WebAssembly.Memory({ initial: 64 })
    const fused = convolve(await instantiateKernels(memory), memory)
    const { instance } = await WebAssembly.instantiate(Buffer.from(SIMD, 'base64'), { env: { memory } })
    const plain = convolve(instance.exports as KernelExports, memory)
    expect(fused).not.toEqual(plain)
    expect(Math.max(...plain.map(Math.abs))).toBeGreaterThan(1)
    expect(difference(plain, fused)).toBeLessThan(TOLERANCE)
    expect(RELAXED_SIMD).not.toBe(SIMD)
  })
})
