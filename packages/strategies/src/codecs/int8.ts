import { INT8_BLOCK, PeergradError, type Codec } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { checkPacked } from './packed.js'

/**
 * Blocks of 1,024 floats as integers of −127 … 127 times one float32 scale each: first all scales, then all integers.
 * An error of at most half a scale, max|x| / 254 of the block (2⁻¹⁴² where the scale is subnormal). Error `non-finite` for a vector with NaN or infinity.
 */
export function int8(options: PluginOptions): Codec {
  checkNames('int8', options, [])
  const scaleBytes = (length: number) => 4 * Math.ceil(length / INT8_BLOCK)
  const bytes = (length: number) => scaleBytes(length) + length
  const parts = (packed: Uint8Array<SharedArrayBuffer>, length: number) => ({
    scales: new Float32Array(packed.buffer, packed.byteOffset, scaleBytes(length) / 4),
    values: new Int8Array(packed.buffer, packed.byteOffset + scaleBytes(length), length)
  })
  return {
    name: 'int8',
    describe: '1 byte a float and 4 bytes per 1,024 of them, to half of 1/127 of the largest in the block',
    bytes,
    encode(input, out, kernels) {
      checkPacked('int8', out, bytes(input.length), 4)
      const index = kernels.firstNonFinite(input)
      if (index >= 0) {
        throw new PeergradError('non-finite', `int8: got ${input[index]} at ${index}, expected finite numbers only`, {
          index
        })
      }
      const { scales, values } = parts(out, input.length)
      kernels.quantiseInt8(values, scales, input)
    },
    decode(input, out, kernels) {
      checkPacked('int8', input, bytes(out.length), 4)
      const { scales, values } = parts(input, out.length)
      kernels.dequantiseInt8(out, values, scales)
    }
  }
}
