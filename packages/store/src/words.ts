import { loadPlugin, PeergradError, type Codec, type PluginReference } from '@peergrad/core'

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
  const codec = await loadPlugin('codec', reference)
  return { name: codec.name, count: (floats) => Math.ceil(packedBytes(codec, floats) / 4), codec }
}

/** Error `argument` when the codec does not know. */
export function packedBytes(codec: Codec, floats: number): number {
  const bytes = codec.bytes(floats)
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes
  const who = `codec ${codec.name}`
  const message = `${who}: bytes(${floats}) gave ${String(bytes)}, expected a whole number from 0`
  throw new PeergradError('argument', message, { plugin: who })
}
