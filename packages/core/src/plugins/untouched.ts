import type { Floats } from '../contracts/attack.js'
import { PeergradError } from '../errors.js'
import { doneByPlugin } from './calls.js'

/** Words of each vector that are looked at again: who writes into an input writes all over it. */
const SAMPLES = 1024

/** Vectors that a plug-in may read and must not write: others hold them by their digest. */
export class Untouched {
  readonly #vectors: readonly Uint32Array[]
  readonly #before: readonly Uint32Array[]

  constructor(vectors: readonly Floats[]) {
    this.#vectors = vectors.map(({ buffer, byteOffset, byteLength }) => {
      return new Uint32Array(buffer, byteOffset, byteLength / 4)
    })
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

/** What a plug-in's `member` makes of vectors that it must not write into, done when it returns. */
export function untouched<T>(who: string, member: string, vectors: readonly Floats[], work: () => T): T {
  const inputs = new Untouched(vectors)
  const made = doneByPlugin(who, member, work)
  inputs.check(who)
  return made
}

/** By an odd step, which meets both words of a float64. */
function sample(words: Uint32Array): Uint32Array {
  const step = Math.ceil(words.length / SAMPLES) | 1
  const sampled = new Uint32Array(Math.ceil(words.length / step))
  for (let i = 0; i < sampled.length; i++) sampled[i] = words[i * step]
  return sampled
}
