import { PeergradError, type Codec } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { checkPacked } from './packed.js'

/** From here on binary16 rounds to infinity. */
const OVERFLOW = 65_520

/**
 * IEEE 754 binary16, to nearest even: relative error to 2⁻¹¹ from 6.1e-5 on, absolute to 2⁻²⁵ below.
 * Error `non-finite` for a vector that it cannot hold: NaN, infinity, or 65,520 and more.
 */
export function f16(options: PluginOptions): Codec {
  checkNames('f16', options, [])
  const bytes = (length: number) => 2 * length
  const halves = (packed: Uint8Array<SharedArrayBuffer>) =>
    new Uint16Array(packed.buffer, packed.byteOffset, packed.byteLength / 2)
  return {
    name: 'f16',
    describe: '2 bytes a float, to 11 bits; refuses values from 65,520',
    bytes,
    encode(input, out, kernels) {
      checkPacked('f16', out, bytes(input.length), 2)
      const largest = kernels.maxAbs(input)
      if (!(largest < OVERFLOW)) {
        const message = `f16: got a vector whose largest magnitude is ${largest}, expected below ${OVERFLOW}; use codec f32`
        throw new PeergradError('non-finite', message, { largest })
      }
      kernels.encodeF16(halves(out), input)
    },
    decode(input, out, kernels) {
      checkPacked('f16', input, bytes(out.length), 2)
      kernels.decodeF16(out, halves(input))
    }
  }
}
