import type { Codec, Vector } from '@peergrad/core'
import type { Jobs } from './jobs.js'
import { loadPlugin } from './load-plugin.js'
import type { JobContext } from './serve.js'

export async function pack({ from, to, codec }: Jobs['pack']['request'], { kernels, view }: JobContext): Promise<void> {
  const { bytes, encode } = await loadPlugin<Codec>('codec', codec)
  const [input, out] = [view(from), view(to)]
  out.fill(0, out.length - 1)
  encode(input, packed(out, bytes(input.length)), kernels)
}

export async function unpack(
  { from, to, codec }: Jobs['unpack']['request'],
  { kernels, view }: JobContext
): Promise<void> {
  const { bytes, decode } = await loadPlugin<Codec>('codec', codec)
  const [input, out] = [view(from), view(to)]
  decode(packed(input, bytes(out.length)), out, kernels)
}

function packed(vector: Vector, bytes: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(vector.buffer, vector.byteOffset, bytes)
}
