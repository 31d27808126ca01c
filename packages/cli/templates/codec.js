import { PeergradError } from '@peergrad/core'

/**
 * How a vector is packed for the wire: here, the upper half of each float. Deterministic: the same vector gives the same
 * bytes, for a digest names them.
 *
 * @type {import('@peergrad/core').CodecFactory}
 */
export default () => ({
  name: 'my-plugin',
  describe: '2 bytes a float: sign, exponent and 7 bits, the rest is cut off',
  // known before the first byte
  bytes: (length) => 2 * length,

  encode(input, out) {
    check(out, input.length)
    const halves = new Uint16Array(input.buffer, input.byteOffset, 2 * input.length)
    const packed = new Uint16Array(out.buffer, out.byteOffset, input.length)
    for (let i = 0; i < packed.length; i++) packed[i] = halves[2 * i + 1]
  },

  decode(input, out) {
    check(input, out.length)
    const packed = new Uint16Array(input.buffer, input.byteOffset, out.length)
    const halves = new Uint16Array(out.buffer, out.byteOffset, 2 * out.length)
    for (let i = 0; i < packed.length; i++) {
      halves[2 * i] = 0
      halves[2 * i + 1] = packed[i]
    }
  }
})

/** Bytes of another size cannot be ours. */
function check(packed, length) {
  if (packed.byteLength === 2 * length) return
  throw new PeergradError('shape', `my-plugin: got ${packed.byteLength} packed bytes, expected ${2 * length}`)
}
