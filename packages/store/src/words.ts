import type { Codec, PluginReference } from '@peergrad/core'
import { loadPlugin } from './compute/load-plugin.js'

/** What packs floats into words of 32 bits. */
export interface Words {
  /** for messages */
  readonly name: string
  /** words that so many floats take; the bytes of the last one that are not used are zeros */
  readonly count: (floats: number) => number
  /** undefined: float32 as they are */
  readonly codec: Codec | undefined
}

/** Float32 as they are. */
export const FLOATS: Words = { name: 'nothing', count: (floats) => floats, codec: undefined }

export async function loadWords(reference: PluginReference | undefined): Promise<Words> {
  if (reference === undefined) return FLOATS
  const codec = await loadPlugin<Codec>('codec', reference)
  return { name: codec.name, count: (floats) => Math.ceil(codec.bytes(floats) / 4), codec }
}
