import { PeergradError, type Codec } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { checkPacked } from './packed.js'

/** Floats that have one scale. */
const BLOCK = 1024

/**
 * One bit a float, its sign, and one float32 scale per 1,024 of them: the mean magnitude (Karimireddy et al., ICML 2019,
 * arXiv 1901.09847, algorithm 2, by blocks). What is lost is kept and added to the next vector, as there: without that it
 * need not converge. Error `non-finite` for a vector with NaN or infinity.
 */
export function sign(options: PluginOptions): Codec {
  checkNames('sign', options, [])
  const blocks = (length: number) => Math.ceil(length / BLOCK)
  const bytes = (length: number) => 4 * blocks(length) + Math.ceil(length / 8)
  const scalesOf = (packed: Uint8Array<SharedArrayBuffer>, length: number) =>
    new Float32Array(packed.buffer, packed.byteOffset, blocks(length))
  return {
    name: 'sign',
    describe: '1 bit a float and 4 bytes per 1,024 of them: signs and a mean magnitude, with error feedback',
    feedback: true,
    bytes,
    encode(input, out, kernels) {
      checkPacked('sign', out, bytes(input.length), 4)
      const index = kernels.firstNonFinite(input)
      if (index >= 0) {
        const message = `sign: got ${input[index]} at ${index}, expected finite numbers only`
        throw new PeergradError('non-finite', message, { index })
      }
      const scales = scalesOf(out, input.length)
      const bits = out.subarray(4 * scales.length).fill(0)
      for (let block = 0; block < scales.length; block++) {
        const end = Math.min((block + 1) * BLOCK, input.length)
        let sum = 0
        for (let i = block * BLOCK; i < end; i++) {
          sum += Math.abs(input[i])
          if (input[i] < 0) bits[i >> 3] |= 1 << (i & 7)
        }
        scales[block] = sum / (end - block * BLOCK)
      }
    },
    decode(input, out) {
      checkPacked('sign', input, bytes(out.length), 4)
      const scales = scalesOf(input, out.length)
      const bits = input.subarray(4 * scales.length)
      for (let i = 0; i < out.length; i++) {
        const scale = scales[Math.floor(i / BLOCK)]
        out[i] = (bits[i >> 3] >> (i & 7)) & 1 ? -scale : scale
      }
    }
  }
}
