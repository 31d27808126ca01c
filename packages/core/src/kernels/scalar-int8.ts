import { INT8_BLOCK, type Kernels } from './kernels.js'

/** What is above decodes to infinity: 127 of it are more than a float32. */
const LARGEST_SCALE = 8_454_659 * 2 ** 98
const ROUND = 12_582_912 // 1.5·2²³: adding and subtracting it in float32 rounds to a whole number, ties to even

export const scalarInt8: Pick<Kernels, 'quantiseInt8' | 'dequantiseInt8'> = {
  quantiseInt8(values, scales, x) {
    for (let block = 0; block < scales.length; block++) {
      const start = block * INT8_BLOCK
      const end = Math.min(start + INT8_BLOCK, x.length)
      let largest = 0
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(x[i]))
      const scale = Math.min(Math.fround(largest / 127), LARGEST_SCALE)
      scales[block] = scale
      for (let i = start; i < end; i++) {
        const rounded = Math.fround(Math.fround(Math.fround(x[i] / scale) + ROUND) - ROUND)
        values[i] = scale === 0 ? 0 : Math.max(-127, Math.min(127, rounded))
      }
    }
  },
  dequantiseInt8(out, values, scales) {
    for (let i = 0; i < out.length; i++) out[i] = values[i] * scales[Math.floor(i / INT8_BLOCK)]
  }
}
