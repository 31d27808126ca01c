import type { Codec, Vector } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'
import { checkPacked } from './packed.js'

/** The floats as they are, little-endian: 4 bytes each, nothing lost. */
export function f32(options: PluginOptions): Codec {
  checkNames('f32', options, [])
  const bytes = (length: number) => 4 * length
  const raw = (vector: Vector) => new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return {
    name: 'f32',
    describe: '4 bytes a float, nothing lost',
    bytes,
    encode(input, out) {
      checkPacked('f32', out, bytes(input.length), 1)
      out.set(raw(input))
    },
    decode(input, out) {
      checkPacked('f32', input, bytes(out.length), 1)
      raw(out).set(input)
    }
  }
}
