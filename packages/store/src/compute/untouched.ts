import { PeergradError, type Vector } from '@peergrad/core'

/** Words of each vector that are looked at again: who writes into an input writes all over it. */
const SAMPLES = 1024

/** Vectors that a plug-in may read and must not write: others hold them by their digest. */
export class Untouched {
  readonly #vectors: readonly Uint32Array[]
  readonly #before: readonly Uint32Array[]

  constructor(vectors: readonly Vector[]) {
    this.#vectors = vectors.map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length))
    this.#before = this.#vectors.map(sample)
  }

  /** Error `internal` names who wrote into which vector. */
  check(who: string): void {
    const index = this.#vectors.findIndex((vector, k) => sample(vector).some((word, i) => word !== this.#before[k][i]))
    if (index < 0) return
    const message = `${who} wrote into vector ${index} of its inputs, expected it to write only what it gives out`
    throw new PeergradError('internal', message, { plugin: who })
  }
}

function sample(words: Uint32Array): Uint32Array {
  const step = Math.max(1, Math.ceil(words.length / SAMPLES))
  const sampled = new Uint32Array(Math.ceil(words.length / step))
  for (let i = 0; i < sampled.length; i++) sampled[i] = words[i * step]
  return sampled
}
